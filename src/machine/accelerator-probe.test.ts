import { chmod, mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { chooseAccelerator, type AcceleratorMemory } from "./accelerator-probe.ts";
import { bootSector } from "./boot-sector.ts";

const signal = new AbortController().signal;
/** A host whose KVM device may be opened. */
const host = { arch: "x64", kvmPath: "/dev/null" };
const right = bootSector.exitCode;

let dir: string;
let qemuBinary: string;
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "vmbuild-probe-"));
  qemuBinary = path.join(dir, "qemu");
});
afterEach(() => rm(dir, { recursive: true }));

/** Makes QEMU a shell script that knows its accelerator as `$accel`. */
async function qemu(script: string): Promise<void> {
  const accel = `while [ "$1" != -accel ]; do shift; done; accel=$2`;
  await writeFile(qemuBinary, `#!/bin/sh\necho >>${dir}/calls\n${accel}\n${script}\n`);
  await chmod(qemuBinary, 0o755);
}

/** How often QEMU was run. */
async function calls(): Promise<number> {
  return (await readFile(path.join(dir, "calls"), "utf8")).length;
}

function remembering(): AcceleratorMemory & { saved: unknown } {
  return {
    saved: undefined,
    async load(validate) {
      return validate(this.saved);
    },
    async save(value) {
      this.saved = JSON.parse(JSON.stringify(value));
    },
  };
}

function choose(changes: Partial<Parameters<typeof chooseAccelerator>[0]> = {}) {
  return chooseAccelerator({
    arch: "x86_64",
    signal,
    memory: remembering(),
    qemuBinary,
    host,
    ...changes,
  });
}

describe("the choice is", () => {
  test("the one that finishes, when the other spins", async () => {
    await qemu(`[ $accel = tcg ] || exec sleep 1000; exit ${right}`);
    const choice = await choose();
    expect(choice).toMatchObject({ ok: true, value: { accelerator: "tcg" } });
    expect(choice.ok && choice.value.reason).toMatch(
      /^tcg: \d\.\d\d s; kvm: not finished by then$/,
    );
  });

  test("the one that finishes, when the other aborts", async () => {
    await qemu(`[ $accel = kvm ] && exit ${right}; echo MSR >&2; kill -ABRT $$; exit 1`);
    const choice = await choose();
    expect(choice).toMatchObject({ ok: true, value: { accelerator: "kvm" } });
    expect(choice.ok && choice.value.reason).toMatch(/^kvm: \d\.\d\d s; tcg: /);
  });

  test("not one that ends with the wrong result", async () => {
    await qemu(`[ $accel = tcg ] && exit ${right}; exit ${right + 2}`);
    expect(await choose()).toMatchObject({ ok: true, value: { accelerator: "tcg" } });
  });

  test("TCG when none finishes, and that is not remembered", async () => {
    await qemu("echo oops >&2; exit 1");
    const memory = remembering();
    expect(await choose({ memory })).toEqual({
      ok: true,
      value: {
        accelerator: "tcg",
        reason:
          "kvm: failed (exit code 1: oops); tcg: failed (exit code 1: oops); tcg is what needs nothing of the host",
      },
    });
    expect(memory.saved).toBeUndefined();
  });

  test("TCG when none finishes in time", async () => {
    await qemu("exec sleep 1000");
    const choice = await choose({ deadlineMs: 50 });
    expect(choice).toMatchObject({ ok: true, value: { accelerator: "tcg" } });
    expect(choice.ok && choice.value.reason).toMatch("kvm: not finished within 0.05 s");
  });

  test.each([
    ["another architecture", { arch: "aarch64" as const }, "KVM cannot run aarch64 guests"],
    ["no KVM", { host: { arch: "x64", kvmPath: "/nonexistent" } }, "the host has no /nonexistent"],
  ])("TCG without running anything, for %s", async (_name, changes, reason) => {
    const choice = await choose({ ...changes, qemuBinary: "/nonexistent/qemu" });
    expect(choice).toMatchObject({ ok: true, value: { accelerator: "tcg" } });
    expect(choice.ok && choice.value.reason).toMatch(reason);
  });
});

describe("the choice is remembered", () => {
  test("and costs no process the next time", async () => {
    await qemu(`exit ${right}`);
    const memory = remembering();
    const first = await choose({ memory });
    const before = await calls();
    expect(await choose({ memory })).toEqual(first);
    expect(await calls()).toBe(before);
  });

  test("until QEMU is another", async () => {
    await qemu(`exit ${right}`);
    const memory = remembering();
    await choose({ memory });
    const before = await calls();
    await utimes(qemuBinary, 1, 1);
    await choose({ memory });
    expect(await calls()).toBeGreaterThan(before);
  });

  test.each(["garbage", null, { key: 1 }, { accelerator: "xen" }])(
    "unless what was saved is %j",
    async (saved) => {
      await qemu(`exit ${right}`);
      const memory = remembering();
      memory.saved = saved;
      expect(await choose({ memory })).toMatchObject({ ok: true });
    },
  );
});

test("an aborted signal ends every candidate", async () => {
  await qemu("exec sleep 1000");
  const abort = new AbortController();
  const memory: AcceleratorMemory = {
    load: async () => {
      abort.abort();
      return undefined;
    },
    save: async () => {},
  };
  expect(await choose({ signal: abort.signal, memory })).toEqual({
    ok: false,
    error: { reason: "cancelled" },
  });
});

test("a QEMU that is not there is missing", async () => {
  const missing = await chooseAccelerator({
    arch: "x86_64",
    signal,
    memory: remembering(),
    searchPath: "/nonexistent",
    host,
  });
  expect(missing).toEqual({
    ok: false,
    error: {
      reason: "program-missing",
      program: "qemu-system-x86_64",
      debianPackage: "qemu-system-x86",
    },
  });
});

test("the real QEMU finishes the real program under TCG at least", async () => {
  const choice = await chooseAccelerator({
    arch: "x86_64",
    signal,
    memory: remembering(),
    deadlineMs: 25_000,
    host,
  });
  // The device is none, so KVM fails or, where it is there, may win.
  expect(choice.ok && choice.value.reason).toMatch(/^(tcg|kvm): \d+\.\d\d s; /);
});
