import { once } from "node:events";
import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { sessionRig as rig } from "../../test/fixtures/session-rig.ts";
import type { GuestCommand } from "../../test/fixtures/ssh-guest.ts";
import type { ExecRequest } from "./session.ts";

const signal = new AbortController().signal;

/** Collects what a command writes. */
function collector() {
  const pieces: Record<"stdout" | "stderr", Buffer[]> = { stdout: [], stderr: [] };
  return {
    onStdout: (piece: Buffer) => void pieces.stdout.push(piece),
    onStderr: (piece: Buffer) => void pieces.stderr.push(piece),
    text: (stream: "stdout" | "stderr") => Buffer.concat(pieces[stream]).toString(),
  };
}

describe("a command's end", () => {
  test("its exit status and both outputs arrive", async () => {
    await using at = await rig(({ command, channel }) => {
      channel.write(`out of ${command}`);
      channel.stderr.write("err");
      channel.exit(3);
      channel.end();
    });
    const output = collector();
    const end = await at.session.exec({ command: "make all", signal, ...output });
    expect(end).toEqual({ ok: true, value: { kind: "exited", code: 3 } });
    expect(output.text("stdout")).toBe("out of make all");
    expect(output.text("stderr")).toBe("err");
  });

  test("a signal is named without SIG", async () => {
    await using at = await rig(({ channel }) => {
      channel.exit("SEGV", true, "");
      channel.end();
    });
    const end = await at.session.exec({ command: "crash", signal });
    expect(end).toEqual({ ok: true, value: { kind: "signalled", signal: "SEGV" } });
  });

  test("an end in the same packet as the start is not missed", async () => {
    await using at = await rig(({ channel, socket }) => {
      socket.cork();
      channel.exit(0);
      channel.end();
      setImmediate(() => socket.uncork());
    });
    const end = await at.session.exec({ command: "true", signal });
    expect(end).toEqual({ ok: true, value: { kind: "exited", code: 0 } });
  });

  test("several commands share a connection", async () => {
    await using at = await rig(({ command, channel }) => {
      channel.exit(Number(command));
      channel.end();
    });
    const ends = await Promise.all(
      ["1", "2", "3"].map((command) => at.session.exec({ command, signal })),
    );
    expect(ends.map((end) => end.ok && end.value)).toEqual([
      { kind: "exited", code: 1 },
      { kind: "exited", code: 2 },
      { kind: "exited", code: 3 },
    ]);
  });

  test("a process that holds the output open silently is waited for only a moment", async () => {
    const linger = { quietMs: 20, totalMs: 10_000, totalBytes: 1_000 };
    await using at = await rig(
      ({ channel }) => {
        channel.write("started");
        channel.exit(0);
      },
      { linger },
    );
    const output = collector();
    const end = await at.session.exec({ command: "daemon &", signal, ...output });
    expect(end).toEqual({ ok: true, value: { kind: "exited", code: 0 } });
    expect(output.text("stdout")).toBe("started");
  });

  test("a process that holds the output open and goes on writing is cut off", async () => {
    const linger = { quietMs: 10_000, totalMs: 10_000, totalBytes: 1_000 };
    await using at = await rig(
      ({ channel }) => {
        channel.exit(0);
        const chatter = () => {
          if (channel.writable) channel.write("x".repeat(100), () => setImmediate(chatter));
        };
        chatter();
      },
      { linger },
    );
    const end = await at.session.exec({ command: "yes &", signal });
    expect(end).toEqual({ ok: true, value: { kind: "exited", code: 0 } });
  });

  test("output that is still on its way to a slow reader is not cut off", async () => {
    const linger = { quietMs: 5, totalMs: 5, totalBytes: 1_000_000 };
    await using at = await rig(
      ({ channel }) => {
        channel.write("a");
        channel.exit(0);
        channel.end("b");
      },
      { linger },
    );
    let written = "";
    const end = await at.session.exec({
      command: "print",
      signal,
      onStdout: (piece) =>
        new Promise((resolve) => {
          setTimeout(() => {
            written += piece.toString();
            resolve();
          }, 50);
        }),
    });
    expect(end.ok).toBe(true);
    expect(written).toBe("ab");
  });
});

describe("standard input", () => {
  const cat = ({ channel }: GuestCommand) => {
    channel.pipe(channel, { end: false });
    channel.once("end", () => {
      channel.exit(0);
      channel.end();
    });
  };
  const inputs: readonly [string, () => ExecRequest["stdin"], string][] = [
    ["absent", () => undefined, ""],
    ["a string", () => "grüße", "grüße"],
    ["bytes", () => Buffer.from([104, 105]), "hi"],
    ["a stream", () => Readable.from([Buffer.from("a"), Buffer.from("b")]), "ab"],
  ];
  test.each(inputs)("%s reaches the command and ends", async (_name, stdin, expected) => {
    await using at = await rig(cat);
    const output = collector();
    const input = stdin();
    const end = await at.session.exec({
      command: "cat",
      signal,
      ...output,
      ...(input === undefined ? {} : { stdin: input }),
    });
    expect(end).toEqual({ ok: true, value: { kind: "exited", code: 0 } });
    expect(output.text("stdout")).toBe(expected);
  });

  test("is read no faster than the command takes it", async () => {
    const total = 32 * 2 ** 20;
    let produced = 0;
    let consumed = 0;
    let mostInFlight = 0;
    const piece = Buffer.alloc(2 ** 16);
    const stdin = new Readable({
      read() {
        produced += piece.length;
        mostInFlight = Math.max(mostInFlight, produced - consumed);
        this.push(piece);
        if (produced >= total) this.push(null);
      },
    });
    await using at = await rig(({ channel }) => {
      channel.on("readable", () => {
        // Takes one piece per turn of the event loop.
        const taken = channel.read(2 ** 15) ?? channel.read();
        consumed += (taken as Buffer | null)?.length ?? 0;
        setImmediate(() => channel.emit("readable"));
      });
      channel.once("end", () => {
        channel.exit(0);
        channel.end();
      });
    });
    const end = await at.session.exec({ command: "slow", signal, stdin });
    expect(end.ok).toBe(true);
    expect(consumed).toBe(total);
    expect(mostInFlight).toBeLessThan(12 * 2 ** 20);
  });

  test("a command that does not read its input ends all the same", async () => {
    const stdin = new Readable({ read() {} });
    await using at = await rig(({ channel }) => {
      channel.exit(1);
      channel.end();
    });
    const end = await at.session.exec({ command: "false", signal, stdin });
    expect(end).toEqual({ ok: true, value: { kind: "exited", code: 1 } });
    expect(stdin.destroyed).toBe(true);
  });

  test.each(["before the start", "while running"])(
    "a stream that fails %s gives the command up",
    async (when) => {
      await using at = await rig();
      const stdin = new Readable({ read() {} });
      const running = at.session.exec({ command: "cat", signal, stdin });
      if (when === "while running") await at.command;
      stdin.destroy(new Error("disk gone"));
      expect(await running).toEqual({ ok: false, error: { reason: "cancelled" } });
      expect(await (await at.command).signalled).toBe("KILL");
    },
  );
});

describe("output", () => {
  test("of 200 MB waits for a slow reader in bounded memory", { timeout: 120_000 }, async () => {
    const total = 200 * 2 ** 20;
    const piece = Buffer.alloc(2 ** 18, "x");
    let sent = 0;
    let taken = 0;
    let mostInFlight = 0;
    await using at = await rig(({ channel }) => {
      const print = () => {
        if (sent >= total) {
          channel.exit(0);
          channel.end();
          return;
        }
        sent += piece.length;
        mostInFlight = Math.max(mostInFlight, sent - taken);
        channel.write(piece, print);
      };
      print();
    });
    const end = await at.session.exec({
      command: "yes",
      signal,
      async onStdout(received) {
        await new Promise(setImmediate);
        taken += received.length;
      },
    });
    expect(end).toEqual({ ok: true, value: { kind: "exited", code: 0 } });
    expect(taken).toBe(total);
    // The SSH window, both sides' buffers, and the pieces in the hands of either end.
    expect(mostInFlight).toBeLessThan(8 * 2 ** 20);
  });

  test("a reader that fails ends the command and is the caller's error", async () => {
    await using at = await rig(({ channel }) => void channel.write("x"));
    const running = at.session.exec({
      command: "print",
      signal,
      onStdout: async () => {
        throw new Error("log full");
      },
    });
    await expect(running).rejects.toThrow("log full");
    const { signalled } = await at.command;
    expect(await signalled).toBe("KILL");
  });

  test("a guest that ignores flow control is cut off", async () => {
    await using at = await rig(({ channel }) => {
      // No divisor of the window, or ssh2's client would drop what comes after it is used up.
      Object.assign(Reflect.get(channel, "outgoing") as object, {
        window: 2 ** 30,
        packetSize: 30_000,
      });
      channel.write(Buffer.alloc(16 * 2 ** 20));
    });
    let open!: () => void;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const running = at.session.exec({ command: "flood", signal, onStdout: () => gate });
    await at.session.closed;
    open();
    expect(await running).toMatchObject({
      ok: false,
      error: {
        reason: "connection-lost",
        message: "the guest does not keep to SSH flow control",
      },
    });
  });
});

describe("giving up", () => {
  test("an aborted signal kills the command and closes its channel", async () => {
    await using at = await rig();
    const abort = new AbortController();
    const running = at.session.exec({ command: "sleep", signal: abort.signal });
    const { channel, signalled } = await at.command;
    const closed = once(channel.resume(), "close");
    abort.abort();
    expect(await running).toEqual({ ok: false, error: { reason: "cancelled" } });
    expect(await signalled).toBe("KILL");
    await closed;
  });

  test("an aborted signal starts nothing", async () => {
    await using at = await rig();
    const end = await at.session.exec({ command: "true", signal: AbortSignal.abort() });
    expect(end).toEqual({ ok: false, error: { reason: "cancelled" } });
  });

  test("the timeout kills the command, and the connection lives on", async () => {
    await using at = await rig(({ command, channel }) => {
      if (command !== "true") return;
      channel.exit(0);
      channel.end();
    });
    const end = await at.session.exec({ command: "sleep", signal, timeoutMs: 20 });
    expect(end).toEqual({ ok: true, value: { kind: "timed-out" } });
    expect(await (await at.command).signalled).toBe("KILL");
    const next = await at.session.exec({ command: "true", signal, timeoutMs: 2 ** 40 });
    expect(next).toEqual({ ok: true, value: { kind: "exited", code: 0 } });
  });
});

describe("a lost connection", () => {
  test("fails the command that was running and those that come after", async () => {
    await using at = await rig();
    const running = at.session.exec({ command: "sleep", signal });
    const { socket } = await at.command;
    socket.destroy();
    const lost = { ok: false, error: { reason: "connection-lost", cause: "ssh-closed" } };
    expect(await running).toMatchObject(lost);
    await at.session.closed;
    expect(await at.session.exec({ command: "true", signal })).toMatchObject(lost);
  });

  test("is noticed when the guest stops answering", async () => {
    await using at = await rig(({ socket }) => socket.pause(), {
      keepalive: { intervalMs: 10, count: 2 },
    });
    const end = await at.session.exec({ command: "hang", signal });
    expect(end).toMatchObject({
      ok: false,
      error: { reason: "connection-lost", message: "Keepalive timeout" },
    });
  });

  test("a channel that ends without an exit status counts as one", async () => {
    await using at = await rig(({ channel }) => channel.end());
    const end = await at.session.exec({ command: "true", signal });
    expect(end).toMatchObject({
      ok: false,
      error: { reason: "connection-lost", message: "the guest ended the command's channel" },
    });
  });

  test("while its cause is looked for, an aborted signal is heeded", async () => {
    await using at = await rig(({ socket }) => socket.destroy(), {
      explainLoss: () => new Promise(() => {}),
    });
    const abort = new AbortController();
    const running = at.session.exec({ command: "reboot", signal: abort.signal });
    await at.session.closed;
    abort.abort();
    expect(await running).toEqual({ ok: false, error: { reason: "cancelled" } });
  });
});
