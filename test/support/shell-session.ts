import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, symlink } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ExecRequest, Session } from "../../src/machine/session.ts";
import { ok } from "../../src/result.ts";

/** A system like a guest's, made of programs of this host. */
export interface ShellSystem {
  /** Path of the shell that stands for `/bin/sh`. */
  readonly shell: string;
  /** Directory that alone is in `PATH`. */
  readonly binDir: string;
  /** Stands for `/.vmbuild`, so that a test leaves the host's root alone. */
  readonly workDir: string;
}

/** Runs scripts as such a guest would. */
export function shellSession({ shell, binDir, workDir }: ShellSystem): Session {
  const there = (text: string) =>
    text.replaceAll("/bin/sh", shell).replaceAll("/.vmbuild", workDir);
  return {
    longestCommand: 0,
    exec(request: ExecRequest) {
      return new Promise((resolve) => {
        const child = spawn(shell, ["-c", there(request.command)], {
          env: { PATH: binDir, HOME: "/root", USER: "root" },
        });
        const { stdin } = request;
        const input =
          stdin instanceof Readable
            ? stdin
            : Readable.from(stdin === undefined ? [] : [Buffer.from(there(stdin.toString()))]);
        // A command that does not read its input closes the pipe; that is its business.
        void pipeline(input, child.stdin).catch(() => {});
        child.stdout.on("data", (chunk: Buffer) => void request.onStdout?.(chunk));
        child.stderr.on("data", (chunk: Buffer) => void request.onStderr?.(chunk));
        child.on("close", (code) => resolve(ok({ kind: "exited", code: code ?? 128 })));
      });
    },
  };
}

/** Puts links to programs of this host into `binDir`, some under another name: `tar=paxtar`. */
export async function linkPrograms(binDir: string, programs: readonly string[]): Promise<void> {
  await mkdir(binDir, { recursive: true });
  for (const program of programs) {
    const [name = "", source = name] = program.split("=");
    const path = findProgram(source);
    if (path === undefined) throw new Error(`this host has no ${source}`);
    await symlink(path, join(binDir, name));
  }
}

/** Where a program is, if this host has it. */
export function findProgram(name: string): string | undefined {
  const dirs = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return dirs.map((dir) => join(dir, name)).find((path) => existsSync(path));
}
