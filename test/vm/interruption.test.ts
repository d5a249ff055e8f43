import { describe, expect, test } from "vitest";
import { execa } from "execa";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { bootMode, VmRig } from "../support/vm-rig.ts";

const ops = `(run (shell "echo first")) (run (shell "echo up; sleep 3; echo done"))`;

test("a signal while a command runs ends the machine and leaves nothing", async () => {
  await using rig = await VmRig.create();
  for (const [signal, status] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    const build = await rig.start(ops);
    await build.saw("| up");
    const { exitCode, output } = await build.end(signal);
    expect(exitCode, signal).toBe(status);
    expect(output, signal).toContain("cancelled; what was built so far is kept");
    expect(await rig.machines()).toEqual([]);
    expect(await rig.entries("result-tmp")).toEqual([]);
    expect(await rig.entries("result")).toHaveLength(2);
  }
});

const phases =
  bootMode === "cold"
    ? ["booting", "logging in", "running", "powering off", "saving"]
    : ["booting", "logging in", "resuming", "running", "suspending", "saving"];

describe.each(phases)("Ctrl-C while %s", (phase) => {
  test("leaves no machine and nothing half-made, and the next build finishes", async () => {
    await using rig = await VmRig.create({ fresh: true });
    const build = await rig.start(`(run (shell "echo only"))`);
    await build.saw(phase);
    const { exitCode } = await build.end("SIGINT");
    // Too late to cancel is as good as cancelled.
    expect([0, 130]).toContain(exitCode);
    expect(await rig.machines()).toEqual([]);
    expect(await rig.entries("result-tmp")).toEqual([]);
    await rig.built(`(run (shell "echo only"))`);
  });
});

test("kill -9 of vmbuild takes the machine with it; the next start cleans up and finishes", async () => {
  await using rig = await VmRig.create();
  const build = await rig.start(ops);
  await build.saw("| up");
  await build.end("SIGKILL");
  await expect.poll(() => rig.machines()).toEqual([]);
  expect(await rig.entries("result-tmp")).toHaveLength(1);
  const id = await rig.built(ops);
  expect(await rig.log(id)).toBe("up\ndone");
  expect(await rig.entries("result-tmp")).toEqual([]);
});

const cached = (shell: string) => `(run (cache (c (target /c))) (shell "${shell}"))`;

describe.each(["caches in", "caches out", bootMode === "cold" ? "powering off" : "suspending"])(
  "kill -9 of vmbuild while %s",
  (phase) => {
    test("leaves the cache as it was or as the step made it, and the next build finishes", async () => {
      await using rig = await VmRig.create();
      await rig.built(cached("head -c 3000000 /dev/zero > /c/file; echo one > /c/version"));
      const next = cached("[ -e /c/file ] && echo two > /c/version");
      const build = await rig.start(next);
      await build.saw(phase);
      await build.end("SIGKILL");
      await expect.poll(() => rig.machines()).toEqual([]);
      const look = cached("stat -c %s /c/file; cat /c/version");
      expect(await rig.log(await rig.built(look))).toMatch(/^3000000\n(one|two)$/);
      const id = await rig.built(`${next} ${look}`);
      expect(await rig.log(id)).toBe("3000000\ntwo");
      expect(await rig.entries("cache-tmp")).toEqual([]);
      expect(await rig.entries("result-tmp")).toEqual([]);
    });
  },
);

test("kill -9 of vmbuild and QEMU at once loses nothing that was promoted", async () => {
  await using rig = await VmRig.create();
  const build = await rig.start(ops);
  await build.saw("| up");
  const before = await rig.entries("result");
  for (const pid of await rig.machines()) process.kill(pid, "SIGKILL");
  await build.end("SIGKILL");
  expect(await rig.entries("result")).toEqual(before);
  const { stderr } = await rig.build(ops);
  expect(stderr.match(/---> cached/g)).toHaveLength(2);
  expect(stderr.match(/---> saved/g)).toHaveLength(1);
});

test.runIf(process.getuid?.() === 0)(
  "a full disk fails the step with a clear message and harms no layer (needs root to mount a small disk)",
  async () => {
    await using rig = await VmRig.create();
    const small = join(rig.dir, "small");
    await mkdir(small);
    await execa("mount", ["-t", "tmpfs", "-o", "size=64m", "tmpfs", small]);
    try {
      await using full = await VmRig.create({ parent: small, fresh: true });
      const good = await full.built(`(run (shell "echo good"))`);
      const ran = await full.build(
        `(run (shell "echo good")) (run (shell "head -c 200000000 /dev/urandom > /big"))`,
      );
      expect(ran.exitCode, ran.stderr).toBe(4);
      expect(ran.stderr).toContain("the disk is full");
      expect(await full.machines()).toEqual([]);
      expect(await full.entries("result-tmp")).toEqual([]);
      expect(await full.log(good)).toBe("good");
      const next = await full.built(`(run (shell "echo good")) (run (shell "echo small"))`);
      expect(await full.log(next)).toBe("small");
      await full.built(cached("echo kept > /c/file"));
      const large = await full.build(cached("head -c 200000000 /dev/urandom > /c/file; sync"));
      expect(large.exitCode, large.stderr).toBe(4);
      expect(large.stderr).toContain("the disk is full");
      const look = await full.built(cached("cat /c/file"));
      expect(await full.log(look)).toBe("kept");
    } finally {
      await execa("umount", [small]);
    }
  },
);
