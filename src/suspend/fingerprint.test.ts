import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { linuxProfile } from "../../test/fixtures/profiles.ts";
import { difference, type Fingerprint, hostFingerprint } from "./fingerprint.ts";

const saved: Fingerprint = {
  qemuVersion: "7.2.22",
  program: "/usr/bin/qemu-system-x86_64 1 2",
  machine: "abc",
  processor: "",
  agent: "def",
};

test("the same fingerprint differs in nothing", () => {
  expect(difference(saved, saved)).toBeUndefined();
  expect(difference(saved, {})).toBeUndefined();
});

test.each<[change: Partial<Fingerprint>, why: string]>([
  [{ program: "/opt/qemu 1 2" }, "QEMU is another one"],
  [{ qemuVersion: "10.0.2" }, "QEMU is 10.0.2, it was 7.2.22"],
  [{ machine: "xyz" }, "memory, CPUs, devices or firmware"],
  [{ processor: "other" }, "another processor"],
  [{ agent: "uvw" }, "another version of vmbuild"],
])("%o is told", (change, why) => {
  expect(difference(saved, { ...saved, ...change })).toContain(why);
});

describe("of a machine", () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "vmbuild-fingerprint-"));
  });
  afterEach(async () => {
    await rm(root, { recursive: true });
  });

  async function machineOf(store: string, kernel: string, content: string): Promise<string> {
    await mkdir(join(root, store), { recursive: true });
    await writeFile(join(root, store, kernel), content);
    const config = {
      profile: linuxProfile({
        boot: { kind: "kernel", kernel: join(root, store, kernel), append: "quiet" },
      }),
      diskPath: join(root, store, "disk"),
      serialLogPath: join(root, store, "serial"),
      memoryBytes: 2 ** 28,
      hostMemoryBytes: 2 ** 28,
      cpus: 1,
      accelerator: "tcg" as const,
      network: false,
      bootTimeoutMs: 1000,
      storeIdentityPath: "",
      outliveParent: false,
    };
    return (await hostFingerprint(config, process.execPath)).machine;
  }

  test("is the same in a store that was moved, and another with another kernel", async () => {
    const there = await machineOf("there", "kernel", "1");
    expect(await machineOf("here", "kernel", "1")).toBe(there);
    expect(await machineOf("here", "kernel", "12")).not.toBe(there);
    expect(await machineOf("here", "other", "1")).not.toBe(there);
  });
});
