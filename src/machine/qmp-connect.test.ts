import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { connectWhenThere } from "./qmp-connect.ts";
import { openQmp } from "./qmp.ts";

const { signal } = new AbortController();

test("a monitor that is gone before anybody listens is told, and ends nobody else", async () => {
  const dir = await mkdtemp(join(tmpdir(), "vmbuild-connect-"));
  const path = join(dir, "monitor");
  const server = createServer({ pauseOnConnect: true });
  try {
    const connecting = connectWhenThere(path, signal);
    server.listen(path);
    const [qemu] = await once(server, "connection");
    const connected = await connecting;
    if (!connected.ok) throw new Error("not connected");
    const { value: socket } = connected;
    // What QEMU leaves unread when it ends is a reset for the other side.
    socket.write("unread");
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.resume();
    qemu.destroy();
    await new Promise((resolve) => socket.once("close", resolve));
    expect(await openQmp(socket, { signal })).toEqual({
      ok: false,
      error: { reason: "no-greeting", message: "read ECONNRESET" },
    });
  } finally {
    server.close();
    await rm(dir, { recursive: true });
  }
});

test("an aborted signal ends the waiting for a socket", async () => {
  const stop = new AbortController();
  const connecting = connectWhenThere("/nonexistent/monitor", stop.signal);
  stop.abort();
  expect(await connecting).toEqual({ ok: false, error: { reason: "cancelled" } });
});
