import { constants } from "node:fs";
import { access, open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { GuestArch } from "../profile/profile.ts";
import { failed, ok, type Result } from "../result.ts";
import type { MachineFailureOf } from "./failure.ts";
import { findUefi, firmwareDirs } from "./firmware.ts";
import type { UefiFirmware } from "./qemu-boot.ts";

export interface UefiRequest {
  readonly arch: GuestArch;
  /** `-M`. */
  readonly machine: string;
  /** A code image to use, absolute; absent takes the one the host's descriptors rank first. */
  readonly codePath?: string;
  /** Where the machine's copy of the variables is put; it is the caller's to remove. */
  readonly dir: string;
  /** @default `firmwareDirs()` */
  readonly descriptorDirs?: readonly string[];
}

/**
 * UEFI for one machine, with variables of its own where there is a template for them. A code image that no descriptor
 * knows comes without.
 */
export async function uefiFor({
  arch,
  machine,
  codePath,
  dir,
  descriptorDirs = firmwareDirs(),
}: UefiRequest): Promise<
  Result<UefiFirmware, MachineFailureOf<"firmware-missing" | "firmware-unusable">>
> {
  const wanted = { arch, machine, ...(codePath === undefined ? {} : { codePath }) };
  const found = await findUefi(wanted, descriptorDirs);
  if (!found.ok && codePath === undefined) return found;
  const { code, variables } = found.ok
    ? found.value
    : { code: { path: codePath ?? "", format: "raw" as const } };
  const readable = await attempt(code.path, () => access(code.path, constants.R_OK));
  if (!readable.ok) return readable;
  const firmware = { kind: "uefi", codePath: code.path, codeFormat: code.format } as const;
  if (variables === undefined) return ok(firmware);
  const { path: template, format } = variables;
  const path = join(dir, "uefi-variables.fd");
  const copied = await attempt(template, () => copySparsely(template, path));
  return copied.ok ? ok({ ...firmware, variables: { path, format } }) : copied;
}

const pieceBytes = 2 ** 20;

/** Copies a file, leaving holes for what is zero: that of aarch64 has 64 MiB, of which 768 KiB are used. */
async function copySparsely(from: string, to: string): Promise<void> {
  await using source = await open(from);
  await using target: FileHandle = await open(to, "wx", 0o600);
  const piece = Buffer.alloc(pieceBytes);
  const zeros = Buffer.alloc(pieceBytes);
  for (let at = 0; ;) {
    const { bytesRead } = await source.read(piece, 0, pieceBytes, at);
    const read = piece.subarray(0, bytesRead);
    if (bytesRead === 0) return await target.truncate(at);
    if (!read.equals(zeros.subarray(0, bytesRead))) await target.write(read, 0, bytesRead, at);
    at += bytesRead;
  }
}

async function attempt(
  path: string,
  work: () => Promise<void>,
): Promise<Result<void, MachineFailureOf<"firmware-unusable">>> {
  try {
    await work();
    return ok();
  } catch (error) {
    return failed({ reason: "firmware-unusable", path, message: (error as Error).message });
  }
}
