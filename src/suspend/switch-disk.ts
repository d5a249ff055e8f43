import type { QmpClient } from "../machine/qmp.ts";
import { diskOptions, fileNode, firstDiskNode } from "../machine/qemu-disk.ts";
import { isRecord } from "../machine/qmp-message.ts";
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
  const next = nodeAt(numberOf(node) + 1);
  const steps = [
    // The overlay's own backing is left out: it is the node that it is put on.
    ["blockdev-add", { ...diskOptions(diskPath, next), backing: null }],
    ["blockdev-snapshot", { node, overlay: next }],
  ] as const;
  for (const [command, args] of steps) {
    const done = await execute(monitor, command, args, signal);
    if (!done.ok) return done;
  }
  return ok(next);
}

/**
 * Opens the disk of a saved machine anew, only to be read, at `diskPath`, where it is written so far (QAPI
 * `blockdev-reopen`).
 *
 * {@link switchDisk} would do that too, but by the name that the file had when it was opened. Once its layer is
 * promoted it has another one, so QEMU would go on with it as it is, without a word, and lock it against every
 * machine that starts on the layer.
 */
export async function sealDisk(
  monitor: QmpClient,
  node: string,
  diskPath: string,
  signal: AbortSignal,
): Promise<Result<void, string>> {
  const backing = await backingNode(monitor, node, signal);
  if (!backing.ok) return backing;
  const options = {
    ...diskOptions(diskPath, node),
    "read-only": true,
    file: fileNode(node),
    backing: backing.value,
  };
  const done = await execute(monitor, "blockdev-reopen", { options: [options] }, signal);
  return done.ok ? ok() : done;
}

/** The node behind `node`: the one before it, or what QEMU has opened by itself behind the first one. */
async function backingNode(
  monitor: QmpClient,
  node: string,
  signal: AbortSignal,
): Promise<Result<string | null, string>> {
  if (node !== firstDiskNode) return ok(nodeAt(numberOf(node) - 1));
  const asked = await execute(monitor, "query-named-block-nodes", { flat: true }, signal);
  if (!asked.ok) return asked;
  const nodes = Array.isArray(asked.value) ? asked.value.filter(isRecord) : [];
  const image = nodes.find((one) => one["node-name"] === node)?.["image"];
  const path = isRecord(image) ? image["full-backing-filename"] : undefined;
  if (path === undefined) return ok(null);
  const backing = nodes.find((one) => one["file"] === path && one["drv"] !== "file")?.["node-name"];
  return typeof backing === "string"
    ? ok(backing)
    : failed("QEMU does not name what the disk is on");
}

async function execute(
  monitor: QmpClient,
  command: string,
  args: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<Result<unknown, string>> {
  const done = await monitor.execute(command, args, signal);
  if (done.ok) return done;
  return failed(`${command}: ${"message" in done.error ? done.error.message : "cancelled"}`);
}

function numberOf(node: string): number {
  return Number(node.replace("disk", ""));
}

function nodeAt(number: number): string {
  return `disk${number}`;
}
