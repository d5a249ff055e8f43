/**
 * SSH sessions over ssh2, whose types and errors do not leave this file.
 */
import type { Socket } from "node:net";
import ssh2, { type AuthHandlerMiddleware, type Client, type ClientChannel } from "ssh2";
import { failed, ok, type Result } from "../result.ts";
import { deferred } from "./deferred.ts";
import { runCommand, type ExecChannel } from "./exec-channel.ts";
import { defaultLinger, type Linger } from "./exec-linger.ts";
import type { MachineFailure, MachineFailureOf } from "./failure.ts";
import type { ExecRequest, Session } from "./session.ts";
import type { AuthMethod, KeyCheck } from "./ssh-identity.ts";
import {
  ciphers,
  hostKeyOrder,
  isSameKey,
  keyExchanges,
  macs,
  publicKeyLine,
} from "./ssh-negotiation.ts";

/** A session that its owner can end. */
export interface SshSession extends Session {
  /** Settles when the connection has ended; never rejects. */
  readonly closed: Promise<void>;
  close(): void;
}

/** How a dead guest is told from a slow one. */
export interface Keepalive {
  readonly intervalMs: number;
  /** Unanswered questions in a row after which the connection counts as lost. */
  readonly count: number;
}

export interface SessionOptions {
  /** Connected, with the server's identification string still to be read. */
  readonly socket: Socket;
  readonly user: string;
  readonly methods: readonly AuthMethod[];
  /** OpenSSH public key line the guest must show; absent accepts any. */
  readonly hostKey?: string | undefined;
  readonly keepalive: Keepalive;
  readonly linger?: Linger;
  readonly signal: AbortSignal;
  /** Finds out why the connection was lost; `message` is what SSH knows. */
  readonly explainLoss: (message: string) => Promise<MachineFailure>;
}

/** Why there is no session. */
export type SessionFailure =
  | MachineFailureOf<"login-refused" | "host-key-mismatch" | "cancelled">
  /** The connection ended before the login was decided; another one may do better. */
  | { readonly reason: "handshake-lost"; readonly message: string };

/** Tells whether a private key can be used without a passphrase. */
export function checkPrivateKey(privateKey: string): KeyCheck {
  const key = ssh2.utils.parseKey(privateKey);
  if (!(key instanceof Error)) {
    return key.isPrivateKey()
      ? { kind: "usable" }
      : { kind: "malformed", message: "this is not a private key" };
  }
  return /encrypted|passphrase/i.test(key.message)
    ? { kind: "encrypted" }
    : { kind: "malformed", message: key.message };
}

/**
 * Authenticates on a connection and gives the session; on failure the connection is closed.
 */
export async function openSession(
  options: SessionOptions,
): Promise<Result<SshSession, SessionFailure>> {
  const { socket, signal, user } = options;
  const client = new ssh2.Client();
  const login = deferred<Result<void, SessionFailure>>(signal, () =>
    failed({ reason: "cancelled" }),
  );
  const closed = deferred<void>();
  const tried: string[] = [];
  let lastMessage: string | undefined;
  let banner = "";
  const refusal = (message: string): SessionFailure => ({
    reason: "login-refused",
    user,
    tried: [...tried],
    message: [banner, message].filter((part) => part !== "").join(": "),
  });

  client.on("ready", () => login.settle(ok()));
  client.on("banner", (message) => {
    banner = message.trim().slice(0, 500);
  });
  client.on("error", (error) => {
    lastMessage = error.message;
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
  return ok(sessionOf(client, options, closed.promise, () => lastMessage));
}

/** Offers one method after the other; `onExhausted` when the guest has refused them all. */
function authHandler(
  { user, methods }: SessionOptions,
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

function sessionOf(
  client: Client,
  { explainLoss, linger = defaultLinger, socket }: SessionOptions,
  closed: Promise<void>,
  lastMessage: () => string | undefined,
): SshSession {
  const channels = new Set<ClientChannel>();
  let violation: string | undefined;
  // ssh2 keeps whatever a server sends beyond the window it was given.
  socket.on("data", () => {
    for (const { readableLength, stderr } of channels) {
      if (readableLength + stderr.readableLength <= largestBacklog) continue;
      violation = "the guest does not keep to SSH flow control";
      socket.destroy();
    }
  });
  const lost = async (fallback: string): Promise<Result<never, MachineFailure>> =>
    failed(await explainLoss(violation ?? lastMessage() ?? fallback));
  return {
    closed,
    close: () => client.end(),
    async exec(request) {
      const opened = await openChannel(client, request);
      if (!opened.ok) return opened.error === "cancelled" ? cancelled() : lost(opened.error.message);
      const channel = opened.value;
      channels.add(channel);
      try {
        const outcome = await runCommand(asExecChannel(client, channel), request, linger);
        if (outcome.kind === "cancelled") return cancelled();
        if (outcome.kind === "lost") return await lost("the guest ended the command's channel");
        return ok(outcome);
      } finally {
        channels.delete(channel);
      }
    },
  };
}

/** Bytes; ssh2 grants a window of 2 MiB, and the last packet may begin inside it. */
const largestBacklog = 4 * 2 ** 20;

async function openChannel(
  client: Client,
  { command, signal }: ExecRequest,
): Promise<Result<ClientChannel, "cancelled" | Error>> {
  const opened = deferred<Result<ClientChannel, "cancelled" | Error>>(signal, () =>
    failed("cancelled"),
  );
  if (!signal.aborted) {
    try {
      client.exec(command, (error, channel) => {
        if (error) opened.settle(failed(error));
        else if (signal.aborted) channel.close();
        else opened.settle(ok(channel));
      });
    } catch (error) {
      // Thrown when the connection has ended already.
      opened.settle(failed(error as Error));
    }
  }
  return opened.promise;
}

function asExecChannel(client: Client, channel: ClientChannel): ExecChannel {
  return {
    stream: channel,
    stderr: channel.stderr,
    kill: () => sendKill(client, channel),
    close: () => channel.close(),
  };
}

/** The two private members of ssh2 that `sendKill` needs. */
interface Ssh2Internals {
  readonly _protocol?: { signal?(recipient: number, name: string): void };
  readonly outgoing?: { readonly id?: number; readonly state?: string };
}

/**
 * Sends the `signal` request (RFC 4254, section 6.9). `channel.signal` does so only while our side
 * has not sent its end of standard input, and RFC 4254 has no such condition.
 */
function sendKill(client: Client, channel: ClientChannel): void {
  const { _protocol: protocol } = client as unknown as Ssh2Internals;
  const { id, state } = (channel as unknown as Ssh2Internals).outgoing ?? {};
  if (id !== undefined && (state === "open" || state === "eof")) protocol?.signal?.(id, "KILL");
}

function cancelled(): Result<never, MachineFailureOf<"cancelled">> {
  return failed({ reason: "cancelled" });
}
