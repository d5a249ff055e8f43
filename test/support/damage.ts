/** Ways to damage a store, and to see whether it was touched. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, open } from "node:fs/promises";
import { promisify } from "node:util";
import { formatIdentity, identifyProcess, newOwner } from "../../src/store/owner.ts";

const run = promisify(execFile);

/** Puts `text` at `position` of a file and gives it its mode back. */
export async function overwrite(
  path: string,
  text: string,
  position: number,
  mode = 0o444,
): Promise<void> {
  await chmod(path, 0o600);
  {
    await using handle = await open(path, "r+");
    await handle.write(Buffer.from(text, "latin1"), 0, text.length, position);
  }
  await chmod(path, mode);
}

/** Says that a layer's disk is backed by another, whatever that holds. */
export async function rebase(path: string, backingPath: string, format: string): Promise<void> {
  await chmod(path, 0o600);
  await run("qemu-img", ["rebase", "-u", "-f", "qcow2", "-F", format, "-b", backingPath, path]);
  await chmod(path, 0o444);
}

/** The name of an owner that has ended. */
export async function deadOwner(): Promise<string> {
  const process = spawn("cat", { stdio: ["pipe", "ignore", "ignore"] });
  const identity = await identifyProcess(process.pid ?? 0);
  process.stdin.end();
  await once(process, "close");
  const own = await newOwner();
  if (identity === undefined) throw new Error("`cat` was not seen");
  return `${formatIdentity(identity)}-${own.slice(-8)}`;
}

/** Every entry with its mode, size and times. */
export async function treeOf(root: string): Promise<readonly string[]> {
  const { stdout } = await run("find", [root, "-printf", "%p %m %s %T@ %C@\n"]);
  return stdout.split("\n").sort();
}
