import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { awaitSshBanner, type BannerPace } from "./ssh-banner.ts";

const signal = new AbortController().signal;
const pace: BannerPace = {
  unannouncedMs: 20,
  unansweredMs: 20,
  closedMs: 5,
  silentMs: 20,
  patienceMs: 5_000,
};
const never = new Promise<never>(() => {});

interface Host extends AsyncDisposable {
  readonly port: number;
  /** Settles when every connection has ended. */
  empty(): Promise<void>;
}

/** Answers the connections with one function each, the last one answers all others. */
async function host(...answers: ((socket: Socket) => void)[]): Promise<Host> {
  const open = new Set<Socket>();
  let left = () => {};
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => {
      open.delete(socket);
      left();
    });
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    answer?.(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async empty() {
      while (open.size > 0) {
        await new Promise<void>((resolve) => {
          left = resolve;
        });
      }
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

const speak = (text: string) => (socket: Socket) => void socket.write(text);
const silent = (socket: Socket) => void socket.resume();
const hangUp = (socket: Socket) => void socket.destroy();

async function heard(port: number): Promise<string> {
  const found = await awaitSshBanner(port, { pace, announced: never, signal });
  if (!found.ok) throw new Error("cancelled");
  const [chunk] = (await once(found.value.resume(), "data")) as [Buffer];
  found.value.destroy();
  return chunk.toString();
}

describe("a server", () => {
  test("that speaks at once is heard, and nothing is lost of what it said", async () => {
    await using at = await host(speak("Welcome\r\nSSH-2.0-dropbear\r\n"));
    expect(await heard(at.port)).toBe("Welcome\r\nSSH-2.0-dropbear\r\n");
  });

  test("that speaks in pieces is heard whole", async () => {
    await using at = await host((socket) => {
      socket.setNoDelay(true);
      socket.write("SSH-2.0-", () => setImmediate(() => socket.write("slow\r\n")));
    });
    expect(await heard(at.port)).toBe("SSH-2.0-slow\r\n");
  });

  test("that closes the first connections is asked again", async () => {
    await using at = await host(hangUp, hangUp, hangUp, speak("SSH-2.0-x\r\n"));
    expect(await heard(at.port)).toBe("SSH-2.0-x\r\n");
  });

  test("that never answers on the first connections is heard on a later one", async () => {
    await using at = await host(silent, silent, speak("SSH-2.0-x\r\n"));
    expect(await heard(at.port)).toBe("SSH-2.0-x\r\n");
  });

  test("that answers late is heard on the first connection, which was not given up", async () => {
    let first: Socket | undefined;
    await using at = await host(
      (socket) => {
        first = socket;
      },
      silent,
      silent,
      () => first?.write("SSH-2.0-late\r\n"),
    );
    expect(await heard(at.port)).toBe("SSH-2.0-late\r\n");
  });

  test("of another protocol is not mistaken for one", async () => {
    await using at = await host(
      (socket) => void socket.end("220 ftp\r\n"),
      speak("x".repeat(100_000)),
      speak("SSH-2.0-x\r\n"),
    );
    expect(await heard(at.port)).toBe("SSH-2.0-x\r\n");
  });
});

describe("a guest without a network yet", () => {
  const patient = { ...pace, unannouncedMs: 60_000, unansweredMs: 60_000, silentMs: 60_000 };

  test("is asked again when its network is announced", async () => {
    let announce!: () => void;
    const announced = new Promise<void>((resolve) => {
      announce = resolve;
    });
    await using at = await host(announce, speak("SSH-2.0-x\r\n"));
    const found = await awaitSshBanner(at.port, { pace: patient, announced, signal });
    expect(found.ok).toBe(true);
  });

  test("is known to have one by its first answer", async () => {
    await using at = await host(hangUp, speak("SSH-2.0-x\r\n"));
    const found = await awaitSshBanner(at.port, { pace: patient, announced: never, signal });
    expect(found.ok).toBe(true);
  });
});

test("a server that was closed before and is silent now is given time", async () => {
  let connections = 0;
  const answer = (socket: Socket) => {
    connections += 1;
    if (connections < 3) socket.destroy();
    else setTimeout(() => socket.write("SSH-2.0-slow\r\n"), 100);
  };
  await using at = await host(answer);
  const found = await awaitSshBanner(at.port, {
    pace: { ...pace, silentMs: 60_000 },
    announced: Promise.resolve(),
    signal,
  });
  expect(found.ok).toBe(true);
  expect(connections).toBe(3);
});

test("an attempt that is given up counts for no answer", async () => {
  await using at = await host(silent, speak("SSH-2.0-x\r\n"));
  const found = await awaitSshBanner(at.port, {
    pace: { ...pace, unannouncedMs: 50, patienceMs: 10, closedMs: 60_000 },
    announced: never,
    signal,
  });
  expect(found.ok).toBe(true);
});

test("only the connection that is kept stays open", async () => {
  await using at = await host(silent, silent, speak("SSH-2.0-x\r\n"));
  const found = await awaitSshBanner(at.port, { pace, announced: never, signal });
  expect(found.ok).toBe(true);
  if (found.ok) found.value.resume().end();
  await at.empty();
});

test("an aborted signal ends the waiting and every connection", async () => {
  await using at = await host(silent);
  const abort = new AbortController();
  const waiting = awaitSshBanner(at.port, { pace, announced: never, signal: abort.signal });
  abort.abort();
  expect(await waiting).toEqual({ ok: false, error: { reason: "cancelled" } });
  await at.empty();
});

test("nobody listening is no reason to stop", async () => {
  const at = await host(silent);
  const { port } = at;
  await at[Symbol.asyncDispose]();
  const waiting = heard(port);
  const late = createServer((socket) => {
    socket.on("error", () => {});
    socket.write("SSH-2.0-x\r\n");
  }).listen(port, "127.0.0.1");
  expect(await waiting).toBe("SSH-2.0-x\r\n");
  late.close();
  await once(late, "close");
});
