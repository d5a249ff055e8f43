import { once } from "node:events";
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { deferred } from "../machine/deferred.ts";
import { copyPort } from "./copy-port.ts";
import { tailFile } from "./tail-file.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-copies-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** What is handed on. */
function sink(): { text: string; onOutput: (chunk: Buffer) => void } {
  const taken = {
    text: "",
    onOutput(chunk: Buffer) {
      taken.text += chunk.toString();
    },
  };
  return taken;
}

async function port(path: string, act: (socket: Socket) => void): Promise<AsyncDisposable> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    act(socket);
  }).listen(path);
  await once(server, "listening");
  return {
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}

test("all that comes from a port is handed on, at its reader's speed", async () => {
  const text = "x".repeat(1_000_000);
  await using _ = await port(join(dir, "port"), (socket) => socket.end(text));
  let taken = 0;
  let busy = false;
  await copyPort(join(dir, "port"), {
    stop: new AbortController().signal,
    async onOutput(chunk) {
      expect(busy).toBe(false);
      busy = true;
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      busy = false;
      taken += chunk.length;
    },
  });
  expect(taken).toBe(text.length);
});

test("a port is let go of when that is wanted, there or not", async () => {
  const stop = new AbortController();
  const waiting = copyPort(join(dir, "none"), { stop: stop.signal, onOutput() {} });
  await using _ = await port(join(dir, "port"), (socket) => {
    socket.write("x");
  });
  const taken = copyPort(join(dir, "port"), { stop: stop.signal, onOutput: () => stop.abort() });
  await expect(Promise.all([taken, waiting])).resolves.toHaveLength(2);
});

test("what is written to a file is handed on, until it is complete", async () => {
  const path = join(dir, "console");
  await writeFile(path, "before\n");
  const end = deferred<void>();
  const taken = sink();
  const tail = tailFile(path, {
    fromByte: 7,
    ended: end.promise,
    stop: new AbortController().signal,
    onOutput: taken.onOutput,
  });
  await appendFile(path, "one\n");
  await expect.poll(() => taken.text).toBe("one\n");
  await appendFile(path, "last\n");
  end.settle();
  await tail;
  expect(taken.text).toBe("one\nlast\n");
});

test("a file is let go of when that is wanted", async () => {
  await writeFile(join(dir, "console"), "");
  const stop = new AbortController();
  const tail = tailFile(join(dir, "console"), {
    fromByte: 0,
    ended: new Promise(() => {}),
    stop: stop.signal,
    onOutput() {},
  });
  stop.abort();
  await expect(tail).resolves.toBeUndefined();
});
