/**
 * A client of QEMU's monitor protocol (QMP spec, `docs/interop/qmp-spec.txt`):
 *
 *     QEMU   {"QMP": {"version": …}}              greeting
 *     client {"execute": "qmp_capabilities"}      negotiation; no other command before its reply
 *     QEMU   {"return": {}}
 *     client {"execute": NAME, "id": N}           any number at a time
 *     QEMU   {"return": …, "id": N} or {"error": {…}, "id": N}
 *     QEMU   {"event": NAME, "data": …}           at any time
 */
import type { Duplex } from "node:stream";
import { failed, ok, type Result } from "../result.ts";
import { deferred } from "./deferred.ts";
import { lineSplitter } from "./qmp-framing.ts";
import { parseQmpMessage, type QmpEvent, type QmpMessage } from "./qmp-message.ts";

/** What can go wrong with the monitor, by whose fault it is. */
export type QmpFailure =
  /** The other side does not speak QMP, or closed before its greeting. */
  | { readonly reason: "no-greeting"; readonly message: string }
  /** QEMU would not leave negotiation mode. */
  | { readonly reason: "negotiation-refused"; readonly message: string }
  /** QEMU understood the command and could not do it (`errorClass` is QAPI `QapiErrorClass`). */
  | {
      readonly reason: "command-error";
      readonly command: string;
      readonly errorClass: string;
      readonly message: string;
    }
  /** The connection ended while a reply or an event was awaited. */
  | { readonly reason: "interrupted"; readonly awaited: string; readonly message: string }
  | { readonly reason: "cancelled" };

export interface QmpClient {
  /** From the greeting: `major.minor.micro`. */
  readonly qemuVersion: string;
  /**
   * Executes one command and gives its return value. An aborted `signal` stops the waiting, not the
   * command: QMP cannot take one back.
   */
  execute(
    command: string,
    args?: Readonly<Record<string, unknown>>,
    signal?: AbortSignal,
  ): Promise<Result<unknown, QmpFailure>>;
  /** The next event of that name that comes after the call. */
  waitForEvent(name: string, signal: AbortSignal): Promise<Result<QmpEvent, QmpFailure>>;
  /** Settles with the cause when the connection has ended and all that came is dispatched. */
  readonly closed: Promise<string>;
  close(): void;
}

export interface QmpOptions {
  readonly signal: AbortSignal;
  /** Gets every event, from the first; called in order, must not throw. */
  readonly onEvent?: (event: QmpEvent) => void;
}

/** The longest line taken from QEMU; `query-qmp-schema`, the longest reply known, has 0.3 MB. */
const maxLineBytes = 4 * 2 ** 20;

type Reply = Result<unknown, QmpFailure>;
type EventReply = Result<QmpEvent, QmpFailure>;

/** Greets and negotiates on a connected socket. On failure the socket is destroyed. */
export async function openQmp(
  socket: Duplex,
  { signal, onEvent }: QmpOptions,
): Promise<Result<QmpClient, QmpFailure>> {
  const greeting = deferred<Result<string, QmpFailure>>(signal, cancelled);
  const client = dispatch(socket, (version) => greeting.settle(ok(version)), onEvent);
  void client.closed.then((message) => greeting.settle(failed({ reason: "no-greeting", message })));
  const version = await greeting.promise;
  if (!version.ok) {
    client.close();
    return version;
  }
  const negotiated = await client.execute("qmp_capabilities", {}, signal);
  if (!negotiated.ok) {
    client.close();
    return failed(negotiationFailure(negotiated.error));
  }
  return ok({ ...client, qemuVersion: version.value });
}

function negotiationFailure(failure: QmpFailure): QmpFailure {
  if (failure.reason !== "command-error" && failure.reason !== "interrupted") return failure;
  return { reason: "negotiation-refused", message: failure.message };
}

/** Runs the connection: replies go to who asked, events to who waits, what nobody asked for nowhere. */
function dispatch(
  socket: Duplex,
  onGreeting: (version: string) => void,
  onEvent: ((event: QmpEvent) => void) | undefined,
): Omit<QmpClient, "qemuVersion"> {
  const replies = new Map<number, { command: string; settle: (reply: Reply) => void }>();
  const waiters = new Set<{ name: string; settle: (reply: EventReply) => void }>();
  const closed = deferred<string>();
  let nextId = 1;
  let ending = socket.errored?.message;
  const cause = () => ending ?? "QEMU closed the connection";

  const receive = (message: QmpMessage) => {
    switch (message.kind) {
      case "greeting":
        onGreeting(message.version);
        break;
      case "event":
        onEvent?.(message.event);
        for (const waiter of waiters) {
          if (waiter.name === message.event.name) waiter.settle(ok(message.event));
        }
        break;
      case "return":
        replies.get(Number(message.id))?.settle(ok(message.value));
        break;
      case "error": {
        const { id, errorClass, message: text } = message;
        const reply = replies.get(Number(id));
        const { command = "" } = reply ?? {};
        reply?.settle(failed({ reason: "command-error", command, errorClass, message: text }));
        break;
      }
      case "garbage":
        violate("QEMU sent something that is not QMP");
    }
  };
  const violate = (message: string) => {
    ending ??= message;
    socket.destroy();
  };

  const splitter = lineSplitter(maxLineBytes);
  socket.on("data", (chunk: Buffer) => {
    const lines = splitter.push(chunk);
    if (lines === "too-long") violate(`QEMU sent a line of more than ${maxLineBytes} bytes`);
    else for (const line of lines) receive(parseQmpMessage(line));
  });
  socket.on("error", (error) => {
    ending ??= error.message;
  });
  const onClose = () => {
    const message = cause();
    for (const { command, settle } of replies.values()) {
      settle(failed({ reason: "interrupted", awaited: command, message }));
    }
    for (const { name, settle } of waiters) {
      settle(failed({ reason: "interrupted", awaited: name, message }));
    }
    closed.settle(message);
  };
  if (socket.closed) onClose();
  else socket.once("close", onClose);

  return {
    closed: closed.promise,
    close: () => violate("the connection was closed from this side"),
    async execute(command, args, signal) {
      if (socket.destroyed) {
        return failed({ reason: "interrupted", awaited: command, message: cause() });
      }
      const id = nextId++;
      const reply = deferred<Reply>(signal, cancelled);
      replies.set(id, { command, settle: reply.settle });
      socket.write(`${JSON.stringify({ execute: command, arguments: args ?? {}, id })}\n`);
      const result = await reply.promise;
      replies.delete(id);
      return result;
    },
    async waitForEvent(name, signal) {
      if (socket.destroyed) {
        return failed({ reason: "interrupted", awaited: name, message: cause() });
      }
      const event = deferred<EventReply>(signal, cancelled);
      const waiter = { name, settle: event.settle };
      waiters.add(waiter);
      const result = await event.promise;
      waiters.delete(waiter);
      return result;
    },
  };
}

function cancelled(): Result<never, QmpFailure> {
  return failed({ reason: "cancelled" });
}
