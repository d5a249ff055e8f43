import type { ExecRequest, Session } from "../../src/machine/session.ts";
import { failed, ok } from "../../src/result.ts";

/** What a scripted guest answers to one command. */
export interface ScriptedAnswer {
  readonly code?: number;
  readonly stdout?: string | Buffer;
  readonly stderr?: string;
}

/** A command as it came, with all of its standard input. */
export interface SeenCommand {
  readonly command: string;
  readonly stdin: Buffer;
}

/** A guest whose answers a function gives; for systems that cannot be had here. */
export function scriptSession(
  answer: (seen: SeenCommand) => ScriptedAnswer | Promise<ScriptedAnswer>,
): Session & { readonly seen: readonly SeenCommand[] } {
  const seen: SeenCommand[] = [];
  return {
    seen,
    longestCommand: 0,
    async exec(request: ExecRequest) {
      const pieces: Buffer[] = [];
      try {
        if (typeof request.stdin === "string" || request.stdin instanceof Uint8Array) {
          pieces.push(Buffer.from(request.stdin as string));
        } else if (request.stdin !== undefined) {
          for await (const piece of request.stdin) pieces.push(Buffer.from(piece as Buffer));
        }
      } catch {
        return failed({ reason: "cancelled" });
      }
      const command = { command: request.command, stdin: Buffer.concat(pieces) };
      seen.push(command);
      const { code = 0, stdout = "", stderr = "" } = await answer(command);
      if (stdout.length > 0) await request.onStdout?.(Buffer.from(stdout as string));
      if (stderr !== "") await request.onStderr?.(Buffer.from(stderr));
      return ok({ kind: "exited", code });
    },
  };
}
