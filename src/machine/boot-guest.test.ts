import { once } from "node:events";
import { readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { fakeHost, type FakeHost } from "../../test/fixtures/fake-host.ts";
import { bootGuest } from "./boot-guest.ts";
import type { GuestConfig } from "./guest.ts";

const signal = new AbortController().signal;
let host: FakeHost;
beforeAll(async () => {
  host = await fakeHost();
});
afterAll(() => host[Symbol.asyncDispose]());
beforeEach(() => host.behave({}));
afterEach(async () => {
  const left = await host.leftovers();
  if (left.length > 0) throw new Error(`left behind: ${left.join(" ")}`);
});

function config(changes: Partial<GuestConfig> = {}): GuestConfig {
  const { diskPath, serialLogPath, memoryBytes, cpus, accelerator } = host.config;
  return {
    os: "linux",
    arch: "x86_64",
    machine: "q35",
    boot: { kind: "firmware", firmware: { kind: "bios" } },
    diskPath,
    diskFormat: "qcow2",
    diskBus: "virtio",
    network: true,
    forwards: [{ guestPort: 22 }],
    memoryBytes,
    cpus,
    accelerator,
    console: { kind: "file", path: serialLogPath },
    ports: [],
    ...changes,
  };
}

async function guest(changes: Partial<GuestConfig> = {}) {
  const booted = await bootGuest(config(changes), { signal }, host.tuning);
  if (!booted.ok) throw new Error(JSON.stringify(booted.error));
  return booted.value;
}

async function failure(changes: Partial<GuestConfig> = {}) {
  const booted = await bootGuest(config(changes), { signal }, host.tuning);
  if (booted.ok) throw new Error("the guest was booted");
  return booted.error;
}

const socketPath = () => path.join(path.dirname(host.config.diskPath), "monitor");

describe("a guest", () => {
  test("tells its ports before it runs, and where its sockets are", async () => {
    let told: unknown;
    const onForwards = (forwards: unknown) => void (told = forwards);
    const booted = await bootGuest(
      config({ ports: ["a.port", "b.port"] }),
      { signal, onForwards },
      host.tuning,
    );
    if (!booted.ok) throw new Error(JSON.stringify(booted.error));
    await using at = booted.value;
    expect(told).toEqual(at.forwards);
    expect(at.forwards).toEqual([{ guestPort: 22, hostPort: expect.any(Number) }]);
    expect([...at.ports.keys()]).toEqual(["a.port", "b.port"]);
    for (const socket of at.ports.values()) {
      expect(at.argv.join(" ")).toContain(`path=${socket},`);
      expect(Buffer.byteLength(socket)).toBeLessThan(108);
    }
    expect(at.argv).toContain("-S");
  });

  test("is powered off by its button", async () => {
    await using at = await guest();
    expect(await at.powerOff({ timeoutMs: 20_000, signal })).toEqual({
      ok: true,
      value: { forced: false },
    });
    expect(await at.ended).toMatchObject({ reason: "guest-shutdown" });
  });

  test("that ignores its button is ended", async () => {
    await host.behave({ button: "ignore" });
    await using at = await guest();
    expect(await at.powerOff({ timeoutMs: 60, signal })).toEqual({
      ok: true,
      value: { forced: true },
    });
  });

  test("is told to quit when it is disposed of, and killed when it does not", async () => {
    for (const ignoreQuit of [false, true]) {
      await host.behave({ ignoreQuit });
      const at = await guest();
      await at[Symbol.asyncDispose]();
      const end = await at.ended;
      expect(end.reason).toBe("killed");
      expect(end.signal).toBe(ignoreQuit ? "SIGKILL" : undefined);
    }
  });

  test("leaves nothing where its other monitor was", async () => {
    {
      await using at = await guest({ qmpPath: socketPath() });
      expect(at.argv).toContain(`socket,id=qmp2,path=${socketPath()},server=on,wait=off`);
      await once(createServer().listen(socketPath()).unref(), "listening");
    }
    expect(await readdir(path.dirname(socketPath()))).not.toContain("monitor");
  });
});

describe("a guest is not booted", () => {
  test("when QEMU cannot have a port, which is named with the cause", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { readonly port: number };
    const rule = `tcp:127.0.0.1:${port}-:80`;
    const stderr = `qemu: -netdev user,hostfwd=${rule}: Could not set up host forwarding rule '${rule}'\n`;
    await host.behave({ exitAtOnce: { code: 1, stderr } });
    expect(await failure()).toEqual({ reason: "port-unusable", port, code: "EADDRINUSE" });
    server.close();
  });

  test("when another program has the disk", async () => {
    const stderr = 'qemu: -blockdev …: Failed to get "write" lock\n';
    await host.behave({ exitAtOnce: { code: 1, stderr } });
    expect(await failure()).toEqual({ reason: "disk-in-use", path: host.config.diskPath });
    const below = `${stderr}Is another process using the image [/a/base]?\n`;
    await host.behave({ exitAtOnce: { code: 1, stderr: below } });
    expect(await failure()).toEqual({ reason: "disk-in-use", path: "/a/base" });
  });

  test("when QEMU ends with anything else", async () => {
    await host.behave({ exitAtOnce: { code: 1, stderr: "qemu: no such machine\n" } });
    expect(await failure()).toMatchObject({
      reason: "qemu-failed",
      exitCode: 1,
      stderr: "qemu: no such machine",
    });
  });

  test("when the monitor refuses", async () => {
    await host.behave({ monitor: "refuse-commands" });
    expect(await failure()).toMatchObject({ reason: "monitor-failed" });
  });

  test("when it is cancelled, before and during its start", async () => {
    expect(await bootGuest(config(), { signal: AbortSignal.abort() }, host.tuning)).toEqual({
      ok: false,
      error: { reason: "cancelled" },
    });
    await host.behave({ monitor: "silent" });
    const cancel = new AbortController();
    const started = host.nextQemu();
    const booting = bootGuest(config(), { signal: cancel.signal }, host.tuning);
    const qemu = await started;
    cancel.abort();
    expect(await booting).toEqual({ ok: false, error: { reason: "cancelled" } });
    await qemu.ended;
  });

  test("when its other monitor cannot be where it is wanted", async () => {
    await writeFile(socketPath(), "precious");
    expect(await failure({ qmpPath: socketPath() })).toMatchObject({
      reason: "socket-unusable",
      message: "there is a file already, which is no socket",
    });
    await rm(socketPath());
    const long = path.join(path.dirname(socketPath()), "m".repeat(110));
    expect(await failure({ qmpPath: long })).toMatchObject({ reason: "socket-unusable" });
    expect(await failure({ qmpPath: "/no/such/dir/monitor" })).toMatchObject({
      message: "there is no directory /no/such/dir",
    });
    const server = createServer().listen(socketPath());
    await once(server, "listening");
    expect(await failure({ qmpPath: socketPath() })).toMatchObject({
      message: "another machine has its monitor there",
    });
    server.close();
  });
});
