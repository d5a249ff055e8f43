import { lstat } from "node:fs/promises";
import { dirname } from "node:path";
import { failed, ok, type Result } from "../result.ts";
import type { MachineFailureOf } from "./failure.ts";
import { hasListener } from "./has-listener.ts";
import { longestSocketPath } from "./runtime-dir.ts";

/**
 * Whether QEMU can make a socket at a path that a user gave. QEMU removes whatever file is there, so nothing may be but
 * a socket that nobody listens on.
 */
export async function checkSocketPath(
  path: string,
): Promise<Result<void, MachineFailureOf<"socket-unusable">>> {
  const unusable = (message: string): Result<void, MachineFailureOf<"socket-unusable">> =>
    failed({ reason: "socket-unusable", path, message });
  const bytes = Buffer.byteLength(path);
  if (bytes > longestSocketPath) {
    return unusable(`it has ${bytes} bytes, and a socket's path at most ${longestSocketPath}`);
  }
  const parent = await lstat(`${dirname(path)}/`).catch(() => undefined);
  if (parent?.isDirectory() !== true) return unusable(`there is no directory ${dirname(path)}`);
  const there = await lstat(path).catch(() => undefined);
  if (there === undefined) return ok();
  if (!there.isSocket()) return unusable("there is a file already, which is no socket");
  return (await hasListener(path)) ? unusable("another machine has its monitor there") : ok();
}
