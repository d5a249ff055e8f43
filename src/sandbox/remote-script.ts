import type { Session, ExecRequest } from "../machine/session.ts";
import type { MachineFailure } from "../machine/failure.ts";
import { failed, ok, type Result } from "../result.ts";

/** What a short script in the guest answered. Both streams are cut to their first 8 KiB. */
export interface ScriptAnswer {
  /** 0 when it went well; scripts killed by a signal count as 128. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const keptBytes = 8 * 1024;

/**
 * Runs a script of our own and keeps what it says. For commands of the user's use `Session.exec`.
 *
 * `stdoutTo` takes standard output instead of keeping it.
 */
export async function runScript(
  session: Session,
  request: Pick<ExecRequest, "command" | "stdin" | "signal"> & {
    readonly stdoutTo?: (chunk: Buffer) => void | Promise<void>;
    /** How many bytes of standard output are kept; default 8 KiB. */
    readonly stdoutBytes?: number;
  },
): Promise<Result<ScriptAnswer, MachineFailure>> {
  const stdout = new Kept(request.stdoutBytes ?? keptBytes);
  const stderr = new Kept(keptBytes);
  const end = await session.exec({
    command: request.command,
    signal: request.signal,
    ...(request.stdin === undefined ? {} : { stdin: request.stdin }),
    onStdout: request.stdoutTo ?? ((chunk) => stdout.add(chunk)),
    onStderr: (chunk) => stderr.add(chunk),
  });
  if (!end.ok) return failed(end.error);
  const code = end.value.kind === "exited" ? end.value.code : 128;
  return ok({ code, stdout: stdout.text(), stderr: stderr.text().trim() });
}

/** Keeps the start of a stream; a guest cannot make it grow. */
class Kept {
  readonly #limit: number;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(chunk: Buffer): void {
    const room = this.#limit - this.#bytes;
    if (room <= 0) return;
    const piece = chunk.subarray(0, room);
    this.#chunks.push(Buffer.from(piece));
    this.#bytes += piece.length;
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString("utf8");
  }
}
