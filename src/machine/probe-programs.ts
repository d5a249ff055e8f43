import type { GuestArch } from "../profile/profile.ts";
import { bootSector } from "./boot-sector.ts";
import { armProgram } from "./probe-program-aarch64.ts";
import type { ProbeProgram } from "./probe-program.ts";

/** The program for an architecture. */
export function probeProgram(arch: GuestArch): ProbeProgram {
  return arch === "x86_64" ? bootSector : armProgram;
}
