import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { QmpEvent } from "./qmp-message.ts";
import { openQmp, type QmpClient } from "./qmp.ts";

const greeting = `{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "Debian"}, "capabilities": ["oob"]}}\r\n`;
const signal = new AbortController().signal;

let dir: string;
let count = 0;
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "vmbuild-qmp-"));
});
afterAll(() => rm(dir, { recursive: true }));

interface Monitor extends AsyncDisposable {
  /** Our end. */
  readonly socket: Socket;
  /** QEMU's end. */
  readonly qemu: Socket;
  /** The next command QEMU gets. */
  received(): Promise<{ readonly execute: string; readonly id: number }>;
}

/** A connection whose other side the test speaks for. */
async function monitor(): Promise<Monitor> {
  const socketPath = path.join(dir, `${count++}.sock`);
  const server = createServer();
  server.listen(socketPath);
  await once(server, "listening");
  const socket = connect(socketPath);
  const [[qemu]] = (await Promise.all([once(server, "connection"), once(socket, "connect")])) as [
    [Socket],
    unknown,
  ];
  const commands: string[] = [];
  let arrived = () => {};
  qemu.on("error", () => {});
  qemu.on("data", (chunk: Buffer) => {
    commands.push(...chunk.toString().split("\n").filter(Boolean));
    arrived();
  });
  return {
    socket,
    qemu,
    async received() {
      while (commands.length === 0) {
        await new Promise<void>((resolve) => {
          arrived = resolve;
        });
      }
      return JSON.parse(commands.shift() ?? "") as { execute: string; id: number };
    },
    async [Symbol.asyncDispose]() {
      socket.destroy();
      qemu.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

async function negotiated(
  at: Monitor,
  onEvent: (event: QmpEvent) => void = () => {},
): Promise<QmpClient> {
  at.qemu.write(greeting);
  const opening = openQmp(at.socket, { signal, onEvent });
  const { id } = await at.received();
  at.qemu.write(`{"return": {}, "id": ${id}}\r\n`);
  const opened = await opening;
  if (!opened.ok) throw new Error(JSON.stringify(opened.error));
  return opened.value;
}

describe("opening", () => {
  test("reads the version and negotiates", async () => {
    await using at = await monitor();
    at.qemu.write(greeting);
    const opening = openQmp(at.socket, { signal });
    const command = await at.received();
    expect(command.execute).toBe("qmp_capabilities");
    at.qemu.write(`{"return": {}, "id": ${command.id}}\r\n`);
    expect(await opening).toMatchObject({ ok: true, value: { qemuVersion: "7.2.22" } });
  });

  test.each([
    ["something else than QMP", "220 ready\r\n", "QEMU sent something that is not QMP"],
    ["nothing but its end", "", "QEMU closed the connection"],
    [
      "a line without end",
      `{"QMP": "${"x".repeat(5 * 2 ** 20)}`,
      "QEMU sent a line of more than 4194304 bytes",
    ],
  ])("fails on %s", async (_name, text, message) => {
    await using at = await monitor();
    const opening = openQmp(at.socket, { signal });
    at.qemu.end(text);
    expect(await opening).toEqual({ ok: false, error: { reason: "no-greeting", message } });
    expect(at.socket.destroyed).toBe(true);
  });

  test("fails when negotiation is refused", async () => {
    await using at = await monitor();
    at.qemu.write(greeting);
    const opening = openQmp(at.socket, { signal });
    const { id } = await at.received();
    at.qemu.write(`{"error": {"class": "CommandNotFound", "desc": "no"}, "id": ${id}}\r\n`);
    expect(await opening).toEqual({
      ok: false,
      error: { reason: "negotiation-refused", message: "no" },
    });
  });

  test("is given up when the signal is aborted", async () => {
    await using at = await monitor();
    const abort = new AbortController();
    const opening = openQmp(at.socket, { signal: abort.signal });
    abort.abort();
    expect(await opening).toEqual({ ok: false, error: { reason: "cancelled" } });
    expect(at.socket.destroyed).toBe(true);
  });
});

describe("a command", () => {
  test("gets its own reply, whatever the order and however it is cut", async () => {
    await using at = await monitor();
    const client = await negotiated(at);
    const first = client.execute("query-status");
    const second = client.execute("query-version", { verbose: true });
    const [one, two] = [await at.received(), await at.received()];
    expect(two).toEqual({ execute: "query-version", arguments: { verbose: true }, id: two.id });
    const replies = `{"return": "second", "id": ${two.id}}\r\n\r\n{"return": "Füße", "id": ${one.id}}\r\n`;
    for (const byte of Buffer.from(replies)) at.qemu.write(Buffer.of(byte));
    expect(await Promise.all([first, second])).toEqual([
      { ok: true, value: "Füße" },
      { ok: true, value: "second" },
    ]);
  });

  test("fails with QEMU's error", async () => {
    await using at = await monitor();
    const client = await negotiated(at);
    const running = client.execute("device_del", { id: "x" });
    const { id } = await at.received();
    at.qemu.write(`{"error": {"class": "DeviceNotFound", "desc": "no x"}, "id": ${id}}\n`);
    expect(await running).toEqual({
      ok: false,
      error: {
        reason: "command-error",
        command: "device_del",
        errorClass: "DeviceNotFound",
        message: "no x",
      },
    });
  });

  test("fails when the connection ends first, and so do those after it", async () => {
    await using at = await monitor();
    const client = await negotiated(at);
    const running = client.execute("quit");
    await at.received();
    at.qemu.end();
    const interrupted = { reason: "interrupted", message: "QEMU closed the connection" };
    expect(await running).toEqual({ ok: false, error: { ...interrupted, awaited: "quit" } });
    await client.closed;
    expect(await client.execute("stop")).toEqual({
      ok: false,
      error: { ...interrupted, awaited: "stop" },
    });
  });

  test("is not waited for when its signal is aborted, and its late reply is dropped", async () => {
    await using at = await monitor();
    const client = await negotiated(at);
    const abort = new AbortController();
    const given = client.execute("slow", {}, abort.signal);
    const { id } = await at.received();
    abort.abort();
    expect(await given).toEqual({ ok: false, error: { reason: "cancelled" } });
    const next = client.execute("query-status");
    const { id: nextId } = await at.received();
    at.qemu.write(`{"return": "late", "id": ${id}}\n{"return": "own", "id": ${nextId}}\n`);
    expect(await next).toEqual({ ok: true, value: "own" });
  });

  test("is not disturbed by replies to nobody", async () => {
    await using at = await monitor();
    const client = await negotiated(at);
    const running = client.execute("query-status");
    const { id } = await at.received();
    at.qemu.write(`{"return": 1, "id": 999}\n{"return": 2}\n`);
    at.qemu.write(`{"error": {"class": "GenericError", "desc": "JSON parse error"}}\n`);
    at.qemu.write(`{"return": 3, "id": ${id}}\n`);
    expect(await running).toEqual({ ok: true, value: 3 });
  });
});

describe("events", () => {
  test("are dispatched in order, those before the negotiation's end too", async () => {
    await using at = await monitor();
    const names: string[] = [];
    at.qemu.write(`${greeting}{"event": "RESUME"}\r\n`);
    const client = await negotiated(at, ({ name }) => void names.push(name));
    const shutdown = client.waitForEvent("SHUTDOWN", signal);
    at.qemu.write(`{"event": "POWERDOWN"}\n{"event": "SHUTDOWN", "data": {"guest": true}}\n`);
    expect(await shutdown).toEqual({
      ok: true,
      value: { name: "SHUTDOWN", data: { guest: true } },
    });
    expect(names).toEqual(["RESUME", "POWERDOWN", "SHUTDOWN"]);
  });

  test("that never come fail the wait with the connection's end", async () => {
    await using at = await monitor();
    const client = await negotiated(at);
    const waiting = client.waitForEvent("SHUTDOWN", signal);
    at.qemu.end();
    expect(await waiting).toMatchObject({
      ok: false,
      error: { reason: "interrupted", awaited: "SHUTDOWN" },
    });
    expect(await client.waitForEvent("STOP", signal)).toMatchObject({ ok: false });
  });

  test("are not waited for when the signal is aborted", async () => {
    await using at = await monitor();
    const client = await negotiated(at);
    expect(await client.waitForEvent("STOP", AbortSignal.abort())).toEqual({
      ok: false,
      error: { reason: "cancelled" },
    });
  });
});
