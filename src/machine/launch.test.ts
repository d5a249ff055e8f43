import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { fakeHost, type FakeHost } from "../../test/fixtures/fake-host.ts";
import { keyPair } from "../../test/fixtures/key-pair.ts";
import { transpile } from "../../test/laws/transpile.ts";
import { launch } from "./launch.ts";
import type { LaunchTuning } from "./launch-tuning.ts";
import type { Machine, MachineConfig, MachinePhase } from "./machine.ts";

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

type Changes = Partial<MachineConfig> & { readonly tuning?: Partial<LaunchTuning> };

function start({ tuning, ...config }: Changes = {}, abort: AbortSignal = signal) {
  return launch({ ...host.config, ...config }, { signal: abort }, { ...host.tuning, ...tuning });
}

async function machine(changes: Changes = {}): Promise<Machine> {
  const launched = await start(changes);
  if (!launched.ok) throw new Error(JSON.stringify(launched.error));
  return launched.value;
}

/** Launches, and gives the failure once the QEMU of this launch has ended. */
async function failure(changes: Changes = {}, abort?: AbortSignal) {
  const over = new AbortController();
  const started = host.nextQemu(over.signal);
  const launched = await start(changes, abort);
  // On a busy host the boot time can be over before the fake QEMU has said that it is there; then it never will.
  setImmediate(() => over.abort());
  const qemu = await started.catch(() => undefined);
  if (launched.ok) throw new Error("the launch went well");
  await qemu?.ended;
  return launched.error;
}

describe("a launch", () => {
  test("gives a machine whose session works", async () => {
    const phases: MachinePhase[] = [];
    const onPhase = (phase: MachinePhase) => void phases.push(phase);
    const launched = await launch(host.config, { signal, onPhase }, host.tuning);
    if (!launched.ok) throw new Error(JSON.stringify(launched.error));
    await using at = launched.value;
    expect(phases).toEqual(["starting", "booting", "connecting", "ready"]);
    expect(at.qemuVersion).toBe("9.8.7");
    const end = await at.session.exec({ command: "true", signal });
    expect(end).toEqual({ ok: true, value: { kind: "exited", code: 0 } });
  });

  test("survives an SSH server that cuts off its first connections", async () => {
    await host.behave({ ssh: 3 });
    await using at = await machine();
    expect((await at.session.exec({ command: "true", signal })).ok).toBe(true);
  });

  test("asks again when a login is refused at first", async () => {
    await host.behave({ refusals: 2 });
    await using at = await machine({ tuning: { refusalGraceMs: 10_000 } });
    expect((await at.session.exec({ command: "true", signal })).ok).toBe(true);
  });
});

describe("a launch fails", () => {
  test("with what QEMU said, when it ends at once", async () => {
    await host.behave({ exitAtOnce: { code: 3, stderr: "qemu: \u001b[31mno such machine\n" } });
    const error = await failure();
    expect(error).toMatchObject({
      reason: "qemu-failed",
      exitCode: 3,
      stderr: "qemu: no such machine",
    });
    expect(error).toHaveProperty("argv", expect.arrayContaining(["-nodefaults"]));
  });

  test("with the end of the serial log, when nothing speaks SSH in time", async () => {
    await host.behave({ ssh: "silent", serial: "Loading\r\n\u001b[1mkernel panic\u001b[0m\r\n" });
    // Time enough for the start of a program on a busy host.
    expect(await failure({ bootTimeoutMs: 4_000 })).toEqual({
      reason: "boot-timeout",
      timeoutMs: 4_000,
      serialTail: "Loading\nkernel panic",
    });
  });

  test("with what SSH said, when every handshake is cut off", async () => {
    await host.behave({ ssh: 1_000_000 });
    expect(await failure({ bootTimeoutMs: 4_000 })).toMatchObject({
      reason: "boot-timeout",
      message: "the guest closed the connection",
    });
  });

  test("in time, when the monitor never greets", async () => {
    await host.behave({ monitor: "silent" });
    expect(await failure({ bootTimeoutMs: 700 })).toMatchObject({ reason: "boot-timeout" });
  });

  test.each(["garbage", "hang-up"] as const)(
    "when the monitor answers with %s",
    async (monitor) => {
      await host.behave({ monitor });
      expect(await failure()).toMatchObject({
        reason: "monitor-failed",
        command: "qmp_capabilities",
      });
    },
  );

  test("when the monitor refuses commands", async () => {
    await host.behave({ monitor: "refuse-commands" });
    expect(await failure()).toMatchObject({ reason: "monitor-failed", message: "not today" });
  });

  test("when no port is forwarded", async () => {
    await host.behave({ usernet: "Hub -1 (net0):\r\n" });
    expect(await failure()).toMatchObject({ reason: "monitor-failed", command: "info usernet" });
  });

  test("when the guest shows another host key", async () => {
    const other = keyPair();
    await host.behave({ hostKey: other.private });
    expect(await failure()).toMatchObject({ reason: "host-key-mismatch", actual: other.public });
  });

  test("when the login is refused, with what was tried", async () => {
    await host.behave({ authorizedKey: keyPair().public });
    expect(await failure()).toMatchObject({
      reason: "login-refused",
      user: "root",
      tried: [host.config.storeIdentityPath],
    });
  });

  test("with the refusal, when refusals last until the boot time is over", async () => {
    await host.behave({ authorizedKey: keyPair().public });
    const error = await failure({ bootTimeoutMs: 1_500, tuning: { refusalGraceMs: 10_000 } });
    expect(error).toMatchObject({ reason: "login-refused" });
  });

  test("when the key is not there, before anything is started", async () => {
    const storeIdentityPath = "/nonexistent/id_ed25519";
    const launched = await start({ storeIdentityPath });
    expect(launched).toMatchObject({
      ok: false,
      error: { reason: "identity-unusable", path: storeIdentityPath },
    });
  });

  test.each([
    ["qemu-system-x86_64", "qemu-system-x86"],
    ["setpriv", "util-linux"],
  ])("when %s is missing, naming its package", async (program, debianPackage) => {
    const bin = host.tuning.searchPath.split(path.delimiter)[0] as string;
    const searchPath = program === "setpriv" ? bin : "/nonexistent";
    const launched = await start({ tuning: { searchPath } });
    expect(launched).toEqual({
      ok: false,
      error: { reason: "program-missing", program, debianPackage },
    });
  });

  test("when no directory is short enough for a socket", async () => {
    const dir = await mkdtemp(path.join(tmpdir(), "vmbuild-long-"));
    const long = path.join(dir, "d".repeat(100));
    await mkdir(long);
    const launched = await start({ tuning: { runtimeParents: [long] } });
    await rm(dir, { recursive: true });
    expect(launched).toMatchObject({
      ok: false,
      error: { reason: "runtime-dir-unusable", path: long },
    });
  });
});

test("a launch whose progress callback throws leaves nothing behind", async () => {
  const onPhase = (phase: MachinePhase) => {
    if (phase === "booting") throw new Error("bug");
  };
  const launching = launch(host.config, { signal, onPhase }, host.tuning);
  const [, qemu] = await Promise.all([expect(launching).rejects.toThrow("bug"), host.nextQemu()]);
  await qemu.ended;
});

describe("a launch is cancelled", () => {
  test("before it starts anything", async () => {
    expect(await start({}, AbortSignal.abort())).toEqual({
      ok: false,
      error: { reason: "cancelled" },
    });
  });

  test.each(["starting", "booting", "connecting"] as const)("while %s", async (at) => {
    const abort = new AbortController();
    const onPhase = (phase: MachinePhase) => {
      if (phase === at) abort.abort();
    };
    const launching = launch(host.config, { signal: abort.signal, onPhase }, host.tuning);
    expect(await launching).toEqual({ ok: false, error: { reason: "cancelled" } });
  });

  test("while nothing speaks SSH, and QEMU is gone with it", async () => {
    await host.behave({ ssh: "silent" });
    const abort = new AbortController();
    const launching = start({}, abort.signal);
    const qemu = await host.nextQemu();
    abort.abort();
    expect(await launching).toEqual({ ok: false, error: { reason: "cancelled" } });
    await qemu.ended;
  });
});

describe("a command that loses its machine learns why", () => {
  test.each([
    ["reset", "guest-reset"],
    ["shutdown", "guest-shutdown"],
    ["abort", "qemu-ended"],
  ] as const)("%s", async (onCommand, cause) => {
    await host.behave({ onCommand, serial: "last words\n" });
    await using at = await machine();
    const end = await at.session.exec({ command: "true", signal });
    expect(end).toMatchObject({
      ok: false,
      error: { reason: "connection-lost", cause, serialTail: "last words" },
    });
  });

  test("disk-full, which ends the machine", async () => {
    await host.behave({ onCommand: "disk-full" });
    await using at = await machine();
    const end = await at.session.exec({ command: "dd", signal });
    expect(end).toEqual({
      ok: false,
      error: { reason: "disk-full", path: host.config.diskPath },
    });
    expect(await at.ended).toMatchObject({ reason: "disk-full" });
  });

  test("close-ssh", async () => {
    await host.behave({ onCommand: "close-ssh" });
    await using at = await machine({ tuning: { lossGraceMs: 50 } });
    const end = await at.session.exec({ command: "true", signal });
    expect(end).toMatchObject({
      ok: false,
      error: { reason: "connection-lost", cause: "ssh-closed" },
    });
  });
});

describe("power off", () => {
  const slow = () => ({ ...host.config.profile, powerOffTimeoutMs: 600 });

  test("waits for the guest", async () => {
    await using at = await machine();
    expect(await at.powerOff({ signal })).toEqual({ ok: true, value: { forced: false } });
    expect(await at.ended).toEqual({ reason: "guest-shutdown", exitCode: 0, stderr: "" });
  });

  test("presses again when the guest missed the first press", async () => {
    await host.behave({ button: 3 });
    await using at = await machine({ profile: slow() });
    expect(await at.powerOff({ signal })).toEqual({ ok: true, value: { forced: false } });
  });

  test("has QEMU quit when the guest ignores the button", async () => {
    await host.behave({ button: "ignore" });
    await using at = await machine({ profile: slow() });
    expect(await at.powerOff({ signal })).toEqual({ ok: true, value: { forced: true } });
    expect(await at.ended).toMatchObject({ reason: "killed", exitCode: 0 });
  });

  test("kills QEMU when it does not quit", async () => {
    await host.behave({ button: "ignore", ignoreQuit: true });
    await using at = await machine({ profile: slow() });
    expect(await at.powerOff({ signal })).toEqual({ ok: true, value: { forced: true } });
    expect(await at.ended).toMatchObject({ reason: "killed", signal: "SIGKILL" });
  });

  test("is content with a guest that resets instead", async () => {
    await host.behave({ button: "reset" });
    await using at = await machine();
    expect(await at.powerOff({ signal })).toEqual({ ok: true, value: { forced: false } });
    expect(await at.ended).toMatchObject({ reason: "guest-reset" });
  });

  test("fails when the guest panics", async () => {
    await host.behave({ button: "panic" });
    await using at = await machine();
    expect(await at.powerOff({ signal })).toMatchObject({
      ok: false,
      error: { reason: "connection-lost", cause: "guest-panic" },
    });
  });

  test("fails when QEMU crashes", async () => {
    await host.behave({ button: "crash" });
    await using at = await machine();
    expect(await at.powerOff({ signal })).toMatchObject({
      ok: false,
      error: { reason: "qemu-failed", signal: "SIGABRT" },
    });
    expect(await at.ended).toMatchObject({ reason: "crashed" });
  });

  test("stops waiting when cancelled", async () => {
    await host.behave({ button: "ignore" });
    await using at = await machine();
    const abort = new AbortController();
    const onPhase = () => abort.abort();
    expect(await at.powerOff({ signal: abort.signal, onPhase })).toEqual({
      ok: false,
      error: { reason: "cancelled" },
    });
  });
});

describe("the end of a machine", () => {
  test("by disposal is a killing, however often", async () => {
    const at = await machine();
    await Promise.all([at[Symbol.asyncDispose](), at[Symbol.asyncDispose]()]);
    expect(await at.ended).toMatchObject({ reason: "killed", signal: "SIGKILL" });
    await at[Symbol.asyncDispose]();
  });

  test("by somebody else's signal is a killing, too", async () => {
    await using at = await machine();
    process.kill(at.pid, "SIGTERM");
    expect(await at.ended).toMatchObject({ reason: "killed", signal: "SIGTERM" });
  });
});

describe("a machine and the process that launched it", () => {
  const sources = ["src/machine", "src/result.ts", "test/fixtures/launch-worker.ts"];

  test("end together, even by SIGKILL", async () => {
    await using programs = await transpile(...sources);
    const worker = programs.program("test/fixtures/launch-worker.ts");
    const order = { config: host.config, tuning: host.tuning, release: false };
    const parent = spawn(process.execPath, [worker, JSON.stringify(order)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [qemu, [said]] = await Promise.all([host.nextQemu(), once(parent.stdout, "data")]);
    expect(String(said)).toBe(`ready ${qemu.pid}\n`);
    const ended = once(parent, "exit");
    parent.kill("SIGKILL");
    // Until it has been waited for, its pid counts as that of a living process.
    await Promise.all([qemu.ended, ended]);
    // The next machine's launch tidies up.
    expect(await host.leftovers()).toHaveLength(1);
    await (await machine())[Symbol.asyncDispose]();
  });

  test("part when it is released", async () => {
    await using programs = await transpile(...sources);
    const worker = programs.program("test/fixtures/launch-worker.ts");
    const order = {
      config: { ...host.config, outliveParent: true },
      tuning: host.tuning,
      release: true,
    };
    const parent = execFile(process.execPath, [worker, JSON.stringify(order)]);
    const [qemu, [exitCode]] = await Promise.all([host.nextQemu(), once(parent, "exit")]);
    expect(exitCode).toBe(0);
    process.kill(qemu.pid, 0);
    // Its directory is not taken for a leftover while it lives.
    await (await machine())[Symbol.asyncDispose]();
    const [left] = await host.leftovers();
    expect(left).toBeDefined();
    process.kill(-qemu.pid, "SIGKILL");
    await qemu.ended;
    await (await machine())[Symbol.asyncDispose]();
  });

  test("may not part unless told so before", async () => {
    await using at = await machine();
    expect(() => at.release()).toThrow("Internal error");
  });
});
