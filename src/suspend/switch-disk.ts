import type { QmpClient } from "../machine/qmp.ts";
import { diskOptions } from "../machine/qemu-disk.ts";
import { failed, ok, type Result } from "../result.ts";

/**
 * Makes a paused machine write to the overlay at `diskPath` from now on; what it wrote to so far becomes
 * the overlay's backing and is only read (QAPI `blockdev-snapshot`). Gives the new node's name.
 */
export async function switchDisk(
  monitor: QmpClient,
  node: string,
  diskPath: string,
  signal: AbortSignal,
): Promise<Result<string, string>> {
  const next = `disk${Number(node.replace("disk", "")) + 1}`;
  const steps = [
    // The overlay's own backing is left out: it is the node that it is put on.
    ["blockdev-add", { ...diskOptions(diskPath, next), backing: null }],
    ["blockdev-snapshot", { node, overlay: next }],
  ] as const;
  for (const [command, args] of steps) {
    const done = await monitor.execute(command, args, signal);
    if (!done.ok) {
      return failed(`${command}: ${"message" in done.error ? done.error.message : "cancelled"}`);
    }
  }
  return ok(next);
}
