/**
 * Commands over an authenticated ssh2 connection.
 */
import type { Socket } from "node:net";
import type { Client, ClientChannel } from "ssh2";
import { failed, ok, type Result } from "../result.ts";
import { deferred } from "./deferred.ts";
import { runCommand, type ExecChannel, type ExecOutcome } from "./exec-channel.ts";
import { takeStdin } from "./exec-stdin.ts";
import type { Linger } from "./exec-linger.ts";
import type { MachineFailure, MachineFailureOf } from "./failure.ts";
import type { ExecRequest, OwnedSession } from "./session.ts";

/** A session over SSH. */
export interface SshSession extends OwnedSession {
  /** Settles when the connection has ended; never rejects. */
  readonly closed: Promise<void>;
}

/** An authenticated connection. */
export interface SshConnection {
  readonly client: Client;
  readonly socket: Socket;
  /** Settles when the connection has ended. */
  readonly closed: Promise<void>;
  /** What SSH knows about its end. */
  readonly lastMessage: () => string | undefined;
}

export interface SessionOptions {
  readonly linger: Linger;
  /** Finds out why the connection was lost; `message` is what SSH knows. Never rejects. */
  readonly explainLoss: (message: string) => Promise<MachineFailure>;
}

/** The session of a connection, which it owns from now on. */
export function sshSession(
  { client, socket, closed, lastMessage }: SshConnection,
  { linger, explainLoss }: SessionOptions,
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
  const lost = async (
    fallback: string,
    signal: AbortSignal,
  ): Promise<Result<never, MachineFailure>> => {
    const failure = deferred<Result<never, MachineFailure>>(signal, cancelled);
    void explainLoss(violation ?? lastMessage() ?? fallback).then((explained) =>
      failure.settle(failed(explained)),
    );
    return failure.promise;
  };
  return {
    closed,
    // A server may take less than our scripts have, and the account's own shell would parse them.
    longestCommand: 0,
    close: () => client.end(),
    async exec(request) {
      const stdin = takeStdin(request.stdin);
      const started = await start(client, request, (channel) => {
        channels.add(channel);
        channel.once("close", () => channels.delete(channel));
        return runCommand(asExecChannel(client, channel), request, stdin, linger);
      });
      if (!started.ok) {
        stdin.release();
        const { error } = started;
        return error === "cancelled" ? cancelled() : lost(error.message, request.signal);
      }
      const outcome = await started.value.outcome;
      if (outcome.kind === "cancelled") return cancelled();
      if (outcome.kind !== "lost") return ok(outcome);
      return lost("the guest ended the command's channel", request.signal);
    },
  };
}

/** Bytes; ssh2 grants a window of 2 MiB and renews it once while that much is waiting. */
const largestBacklog = 4 * 2 ** 20;

/** A command on its way. */
interface Started {
  readonly outcome: Promise<ExecOutcome>;
}

/**
 * Opens a channel for a command. `run` is called before ssh2 looks at the next message: a quick
 * command's exit status may be in the packet that confirms its start.
 */
async function start(
  client: Client,
  { command, signal }: ExecRequest,
  run: (channel: ClientChannel) => Promise<ExecOutcome>,
): Promise<Result<Started, "cancelled" | Error>> {
  if (signal.aborted) return failed("cancelled");
  const started = deferred<Result<Started, "cancelled" | Error>>(signal, () => failed("cancelled"));
  try {
    client.exec(command, (error, channel) => {
      if (error) started.settle(failed(error));
      else if (signal.aborted) abandon(client, channel);
      else started.settle(ok({ outcome: run(channel) }));
    });
  } catch (error) {
    // Thrown when the connection has ended already.
    started.settle(failed(error as Error));
  }
  return started.promise;
}

function asExecChannel(client: Client, channel: ClientChannel): ExecChannel {
  return {
    stream: channel,
    stderr: channel.stderr,
    kill: () => sendKill(client, channel),
    close: () => channel.close(),
  };
}

/**
 * Sends the `signal` request (RFC 4254, section 6.9). `channel.signal` does so only while our side
 * has not sent its end of standard input, and RFC 4254 has no such condition: hence ssh2's private
 * members, of which nothing is done when they are not as expected.
 */
function sendKill(client: Client, channel: ClientChannel): void {
  const protocol = Reflect.get(client, "_protocol") as SignalSender | undefined;
  const outgoing = Reflect.get(channel, "outgoing") as { id?: number; state?: string } | undefined;
  const isOpen = outgoing?.state === "open" || outgoing?.state === "eof";
  if (isOpen && outgoing.id !== undefined) protocol?.signal?.(outgoing.id, "KILL");
}

/** Ends a command that nobody waits for any more. */
function abandon(client: Client, channel: ClientChannel): void {
  sendKill(client, channel);
  channel.close();
}

interface SignalSender {
  signal?(recipient: number, name: string): void;
}

function cancelled(): Result<never, MachineFailureOf<"cancelled">> {
  return failed({ reason: "cancelled" });
}
