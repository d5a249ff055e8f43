/**
 * The private directory of one machine's sockets:
 *
 *     $XDG_RUNTIME_DIR/vmbuild-PID-NAMESPACE-XXXXXX/   mode 0700
 *       qmp.sock                                       QEMU's monitor
 *       ctl.sock, dat.sock, err.sock                   the ports of the agent in the guest
 *       0.sock, 1.sock, …                              other ports of the guest
 *       mig.sock                                       where a resumed QEMU takes its devices' state
 *
 * The name tells whose it is, so that a later start can remove what a killed process left.
 */
import { mkdtemp, readdir, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { failed, ok, type Result } from "../result.ts";
import type { MachineFailureOf } from "./failure.ts";
import { hasListener } from "./has-listener.ts";
import type { AgentSockets } from "./qemu-suspend.ts";

/** A machine's directory and the paths in it. */
export interface RuntimeDir {
  readonly path: string;
  readonly qmpPath: string;
  readonly agent: AgentSockets;
  readonly incomingPath: string;
  /** The socket of the port with that index, from 0 to 999. */
  portPath(index: number): string;
}

const socketName = "qmp.sock";
/** `sun_path` has 108 bytes and the path in it ends with a NUL (unix(7)). */
export const longestSocketPath = 107;

/**
 * Makes a directory in the first of `parents` that is writable and short enough for a socket path.
 *
 * The caller removes it. Directories there whose process has ended and whose socket nobody listens
 * on are removed first.
 */
export async function makeRuntimeDir(
  parents: readonly string[],
): Promise<Result<RuntimeDir, MachineFailureOf<"runtime-dir-unusable">>> {
  const namespace = await pidNamespace();
  const problems: string[] = [];
  for (const parent of parents) {
    const prefix = path.resolve(parent, `vmbuild-${process.pid}-${namespace}-`);
    const length = Buffer.byteLength(path.join(`${prefix}XXXXXX`, socketName));
    if (length > longestSocketPath) {
      problems.push(`${parent}: a socket path there would have ${length} bytes`);
      continue;
    }
    await sweep(parent, namespace);
    try {
      const dir = await mkdtemp(prefix);
      return ok(pathsIn(dir));
    } catch (error) {
      problems.push(`${parent}: ${(error as Error).message}`);
    }
  }
  return failed({
    reason: "runtime-dir-unusable",
    path: parents[0] ?? "",
    message: problems.join("; "),
    hint: `set XDG_RUNTIME_DIR or TMPDIR to a writable directory with a short path (a Unix socket's path has at most ${longestSocketPath} bytes)`,
  });
}

/** No name is longer than {@link socketName}, whose length was checked. */
function pathsIn(dir: string): RuntimeDir {
  return {
    path: dir,
    qmpPath: path.join(dir, socketName),
    agent: {
      controlPath: path.join(dir, "ctl.sock"),
      dataPath: path.join(dir, "dat.sock"),
      errorPath: path.join(dir, "err.sock"),
    },
    incomingPath: path.join(dir, "mig.sock"),
    portPath: (index) => path.join(dir, `${index}.sock`),
  };
}

/** The host's own places: the user's runtime directory, then the temporary ones. */
export function runtimeParents(): string[] {
  const runtime = process.env["XDG_RUNTIME_DIR"];
  return [...(runtime ? [runtime] : []), tmpdir(), "/tmp"];
}

/** Tells apart equal process ids of containers that share a directory (pid_namespaces(7)). */
async function pidNamespace(): Promise<string> {
  const link = await readlink("/proc/self/ns/pid").catch(() => "");
  return /\d+/.exec(link)?.[0] ?? "0";
}

async function sweep(parent: string, namespace: string): Promise<void> {
  const names = await readdir(parent).catch(() => []);
  for (const name of names) {
    const match = /^vmbuild-(\d+)-(\d+)-[A-Za-z0-9]{6}$/.exec(name);
    if (match?.[2] !== namespace || isAlive(Number(match[1]))) continue;
    const dir = path.join(parent, name);
    // A machine that was told to outlive its process.
    if (await hasListener(path.join(dir, socketName))) continue;
    // Another user's directory cannot be removed, and need not be.
    await rm(dir, { recursive: true, force: true }).catch(() => {});
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
