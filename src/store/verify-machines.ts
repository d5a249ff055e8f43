/** The QEMU processes that use a store, as `/proc` shows them. */
import { readdir, readFile, realpath } from "node:fs/promises";
import { basename } from "node:path";
import { errorCode } from "./fs-failure.ts";
import { identifyProcess, type ProcessIdentity } from "./owner.ts";
import type { EntryInUse, StoreFinding } from "./store-report.ts";

/** A QEMU whose command line names a file of the store. */
export type StoreMachine = ProcessIdentity;

/** Every QEMU that has a file below `root` on its command line. */
export async function machinesOf(root: string): Promise<readonly StoreMachine[]> {
  const roots = new Set([root, await realpath(root)]);
  const needles = [...roots].flatMap((path) => [
    // As an option's value is written, where a comma is doubled, and as in JSON.
    `${path.replaceAll(",", ",,")}/`,
    `${JSON.stringify(path).slice(1, -1)}/`,
  ]);
  const machines: StoreMachine[] = [];
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const argv = await argvOf(Number(entry));
    const isMachine = basename(argv[0] ?? "").startsWith("qemu-system-");
    if (!isMachine || !argv.some((argument) => needles.some((path) => argument.includes(path))))
      continue;
    const identity = await identifyProcess(Number(entry));
    if (identity !== undefined) machines.push(identity);
  }
  return machines;
}

/**
 * Which of `machines` belong to nobody: they still run, no stage is kept for them, and their parent neither owns an
 * entry of the store nor is a `vmbuild`. `inUse` must have been read after `machines`.
 */
export async function orphansOf(
  machines: readonly StoreMachine[],
  inUse: readonly EntryInUse[],
): Promise<readonly StoreFinding[]> {
  const owners = new Set(inUse.map(({ pid }) => pid));
  const findings: StoreFinding[] = [];
  for (const machine of machines) {
    const parent = await parentOf(machine.pid);
    const isOwned =
      owners.has(machine.pid) ||
      (parent !== undefined && (owners.has(parent) || isVmbuild(await argvOf(parent))));
    if (isOwned) continue;
    const now = await identifyProcess(machine.pid);
    if (now?.startTicks === machine.startTicks)
      findings.push({ reason: "machine-orphaned", pid: machine.pid });
  }
  return findings;
}

function isVmbuild([, script]: readonly string[]): boolean {
  return script !== undefined && /^vmbuild(\.js)?$/.test(basename(script));
}

async function parentOf(pid: number): Promise<number | undefined> {
  const stat = await readProc(`/proc/${pid}/stat`);
  // Field 4; what stands before it may hold anything.
  const parent = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1];
  return parent === undefined ? undefined : Number(parent);
}

async function argvOf(pid: number): Promise<readonly string[]> {
  return (await readProc(`/proc/${pid}/cmdline`)).split("\0");
}

/** Empty for a process that has ended. */
async function readProc(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOENT" || code === "ESRCH") return "";
    throw error;
  }
}
