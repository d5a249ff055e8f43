import { failed, ok, type Result } from "../result.ts";
import type { ImageFailure } from "./failure.ts";

export interface ProgramEnd {
  readonly exitCode: number;
  /** The last 4,000 characters of standard error. */
  readonly stderr: string;
}

export interface ProgramOptions {
  /** Named when the program is missing. */
  readonly debianPackage: string;
  readonly signal: AbortSignal;
  readonly cwd?: string;
  /** Added to this process' environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Gets each line of standard error as it comes. */
  readonly onLine?: (line: string) => void;
}

/**
 * Runs a host program to its end, in a process group of its own that is ended as a whole when the
 * signal is aborted.
 */
export async function runProgram(
  argv: readonly [string, ...string[]],
  options: ProgramOptions,
): Promise<Result<ProgramEnd, ImageFailure>> {
  if (options.signal.aborted) return failed({ reason: "cancelled" });
  const { execa } = await import("execa");
  const [program, ...args] = argv;
  const child = execa(program, args, {
    reject: false,
    stdin: "ignore",
    stdout: "ignore",
    buffer: false,
    detached: true,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
  });
  const killGroup = (): void => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, "SIGTERM");
    } catch {
      // The group has ended already.
    }
  };
  options.signal.addEventListener("abort", killGroup, { once: true });
  let stderr = "";
  try {
    for await (const line of child.iterable({ from: "stderr" })) {
      stderr = `${stderr}${line}\n`.slice(-4000);
      options.onLine?.(line);
    }
    const end = await child;
    if (end.code === "ENOENT") {
      return failed({ reason: "program-missing", program, debianPackage: options.debianPackage });
    }
    if (options.signal.aborted) return failed({ reason: "cancelled" });
    return ok({ exitCode: end.exitCode ?? 128, stderr: stderr.trim() });
  } finally {
    options.signal.removeEventListener("abort", killGroup);
  }
}
