/**
 * A session: one authenticated SSH connection into a guest (RFC 4254), free of any SSH library's types.
 */
import type { Readable } from "node:stream";
import type { Result } from "../result.ts";
import type { MachineFailure } from "./failure.ts";

export interface ExecRequest {
  /** What the guest account's login shell is given; quoting is the caller's. */
  readonly command: string;
  /**
   * Sent to the command's standard input, which is then closed; absent closes it at once. A stream
   * that the command does not read to its end is destroyed; one that its maker destroys before its
   * end gives the command up, as an aborted signal does.
   */
  readonly stdin?: Readable | Uint8Array | string;
  /**
   * Called for every piece of standard output. While a returned promise is pending no more is read
   * from the guest (SSH flow control), so a slow reader costs no memory.
   */
  readonly onStdout?: (chunk: Buffer) => void | Promise<void>;
  /** Likewise for standard error. */
  readonly onStderr?: (chunk: Buffer) => void | Promise<void>;
  readonly signal: AbortSignal;
  /** The command is given up after this time. */
  readonly timeoutMs?: number;
}

/** How a remote command ended; `signal` is the SSH name without `SIG`. */
export type ExecEnd =
  | { readonly kind: "exited"; readonly code: number }
  | { readonly kind: "signalled"; readonly signal: string }
  | { readonly kind: "timed-out" };

export interface Session {
  /** Bytes a command may have; a longer script has to go through standard input. */
  readonly longestCommand: number;
  /**
   * Runs one command to its end.
   *
   * A process that the command left in the background and that still holds its output open is not
   * waited for longer than a moment after the command itself has ended.
   * Fails with `connection-lost` when the SSH connection or the machine ends first, with `cancelled`
   * when the signal is aborted; the command is then killed, as far as the guest's SSH server does so.
   * Rejects with what `onStdout` or `onStderr` rejects with, the command killed as well.
   */
  exec(request: ExecRequest): Promise<Result<ExecEnd, MachineFailure>>;
}

/** A session that its owner can end. */
export interface OwnedSession extends Session {
  close(): void;
}
