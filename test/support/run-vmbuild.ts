import { fileURLToPath } from "node:url";
import { execa } from "execa";

/** The built command, as a user runs it. */
export const vmbuildPath = fileURLToPath(new URL("../../bin/vmbuild.js", import.meta.url));

export interface Ran {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
}

/** Runs `vmbuild` to its end, with nothing of this process' settings but PATH. */
export async function vmbuild(argv: readonly string[], options: RunOptions): Promise<Ran> {
  const { exitCode, stdout, stderr } = await execa(process.execPath, [vmbuildPath, ...argv], {
    cwd: options.cwd,
    env: { PATH: process.env["PATH"] ?? "", HOME: options.cwd, ...options.env },
    extendEnv: false,
    reject: false,
    ...(options.input === undefined ? { stdin: "ignore" } : { input: options.input }),
  });
  return { exitCode, stdout, stderr };
}
