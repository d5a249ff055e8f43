/**
 * Logging into a guest over ssh2.
 */
import type { Socket } from "node:net";
import ssh2, { type AuthHandlerMiddleware } from "ssh2";
import { failed, ok, type Result } from "../result.ts";
import { deferred } from "./deferred.ts";
import type { MachineFailureOf } from "./failure.ts";
import { printableTail } from "./serial-tail.ts";
import type { AuthMethod } from "./ssh-identity.ts";
import {
  ciphers,
  hostKeyOrder,
  isSameKey,
  keyExchanges,
  macs,
  publicKeyLine,
} from "./ssh-negotiation.ts";
import { sshSession, type SessionOptions, type SshSession } from "./ssh-session.ts";

/** How a dead guest is told from a slow one. */
export interface Keepalive {
  readonly intervalMs: number;
  /** Unanswered questions in a row after which the connection counts as lost. */
  readonly count: number;
}

export interface LoginOptions extends SessionOptions {
  /** Connected, with the server's identification string still to be read. */
  readonly socket: Socket;
  readonly user: string;
  readonly methods: readonly AuthMethod[];
  /** OpenSSH public key line the guest must show; absent accepts any. */
  readonly hostKey?: string | undefined;
  readonly keepalive: Keepalive;
  readonly signal: AbortSignal;
}

/** Why there is no session. */
export type LoginFailure =
  | MachineFailureOf<"login-refused" | "host-key-mismatch" | "cancelled">
  /** The connection ended before the login was decided; another one may do better. */
  | { readonly reason: "handshake-lost"; readonly message: string };

/**
 * Authenticates on a connection and gives the session; on failure the connection is closed.
 */
export async function openSession(
  options: LoginOptions,
): Promise<Result<SshSession, LoginFailure>> {
  const { socket, signal, user } = options;
  const client = new ssh2.Client();
  const login = deferred<Result<void, LoginFailure>>(signal, () => failed({ reason: "cancelled" }));
  const closed = deferred<void>();
  const tried: string[] = [];
  let lastMessage: string | undefined;
  let banner = "";
  const refusal = (message: string): LoginFailure => ({
    reason: "login-refused",
    user,
    tried: [...tried],
    message: [banner, message].filter((part) => part !== "").join(": "),
  });

  client.on("ready", () => login.settle(ok()));
  client.on("banner", (message) => {
    banner = printableTail(message, 3);
  });
  client.on("error", (error: Error & { readonly level?: string; readonly code?: string }) => {
    const message = printableTail(error.message, 1);
    // Without its agent the login goes on with the next method.
    if (error.level === "agent") tried.push(`${tried.pop()}: ${message}`);
    // Whether a connection that is cut off ends or is reset depends on what was under way.
    else if (error.code !== "ECONNRESET") lastMessage = message;
  });
  client.on("close", () => {
    const message = lastMessage ?? "the guest closed the connection";
    // A server that hangs up after a key was offered (too many tries) has refused it.
    login.settle(
      failed(tried.length > 0 ? refusal(message) : { reason: "handshake-lost", message }),
    );
    closed.settle();
  });
  client.connect({
    sock: socket,
    username: user,
    algorithms: {
      kex: [...keyExchanges],
      cipher: [...ciphers],
      hmac: [...macs],
      serverHostKey: hostKeyOrder(options.hostKey),
      compress: ["none"],
    },
    // The caller's signal limits the time.
    readyTimeout: 0,
    keepaliveInterval: options.keepalive.intervalMs,
    keepaliveCountMax: options.keepalive.count,
    hostVerifier: (shown: Buffer) => {
      const expected = options.hostKey;
      if (expected === undefined || isSameKey(expected, shown)) return true;
      const actual = publicKeyLine(shown);
      login.settle(failed({ reason: "host-key-mismatch", expected, actual }));
      return false;
    },
    authHandler: authHandler(options, tried, () =>
      login.settle(failed(refusal(lastMessage ?? "no key was accepted"))),
    ),
  });
  const result = await login.promise;
  if (!result.ok) {
    client.destroy();
    return result;
  }
  const connection = { client, socket, closed: closed.promise, lastMessage: () => lastMessage };
  return ok(sshSession(connection, options));
}

/** Offers one method after the other; `onExhausted` when the guest has refused them all. */
function authHandler(
  { user, methods }: LoginOptions,
  tried: string[],
  onExhausted: () => void,
): AuthHandlerMiddleware {
  const left = [...methods];
  return (_methodsLeft, _partialSuccess, next) => {
    const method = left.shift();
    switch (method?.kind) {
      case "agent":
        tried.push(`SSH agent ${method.socketPath}`);
        next({ type: "agent", username: user, agent: method.socketPath });
        break;
      case "key":
        tried.push(method.path);
        next({ type: "publickey", username: user, key: method.privateKey });
        break;
      case undefined:
        onExhausted();
    }
  };
}
