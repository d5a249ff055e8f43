import { truncate } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bootMode, VmRig } from "../support/vm-rig.ts";

describe("a command that", () => {
  // One store for all of them, whose machine boots once.
  let rig: VmRig;
  beforeAll(async () => {
    rig = await VmRig.create();
  });
  afterAll(() => rig[Symbol.asyncDispose]());

  test.each([
    ["fails", "echo before; exit 3", 1, "the command exited with status 3"],
    ["powers the machine off", "poweroff; sleep 60", 5, "the guest powered itself off"],
    ["reboots the machine", "reboot; sleep 60", 5, "the guest rebooted"],
    [
      "ends what vmbuild reaches the guest by",
      bootMode === "cold" ? "killall dropbear; sleep 60" : "kill -9 -1; sleep 60",
      5,
      "the connection to the guest was lost",
    ],
    [
      "panics the kernel",
      "echo c > /proc/sysrq-trigger; sleep 60",
      5,
      "the connection to the guest was lost",
    ],
  ])("%s ends with one clear message", async (_, command, exitCode, message) => {
    const ran = await rig.build(`(run (timeout 45s) (shell "${command}"))`);
    expect(ran.stderr).toContain(message);
    expect(ran.exitCode, ran.stderr).toBe(exitCode);
    expect(ran.stderr).toMatch(/^vmbuild: test\.spec:2:1: /m);
    expect(ran.stdout).toBe("");
    expect(await rig.machines()).toEqual([]);
    expect(await rig.entries("result-tmp")).toEqual([]);
    expect(await rig.entries("result")).toHaveLength(1);
  });

  test("takes too long is ended, and its log is kept", async () => {
    const ran = await rig.build(`(run (timeout 1s) (shell "echo waiting; sleep 60"))`);
    expect(ran.exitCode, ran.stderr).toBe(1);
    expect(ran.stderr).toContain("the command took longer than its timeout of 1 s");
    const id = /vmbuild log ([0-9a-f]+)/.exec(ran.stderr)?.[1] ?? "";
    expect(await rig.log(id)).toBe("waiting");
    expect(await rig.machines()).toEqual([]);
  });

  test("closes its standard input and output is no trouble", async () => {
    const ran = await rig.build(`(run (shell "exec <&- >&- 2>&-; sleep 1; exit 0"))`);
    expect(ran.exitCode, ran.stderr).toBe(0);
  });
});

describe("a machine that", () => {
  test("has nothing to boot from runs into its boot time, with the console's end", async () => {
    await using rig = await VmRig.create();
    await rig.put("store/base-image/blank.img", "");
    await truncate(join(rig.dir, "store/base-image/blank.img"), 1024 ** 2);
    await rig.put("store/base-image/blank.toml", '[login]\nuser = "root"\nidentity = "store"\n');
    await rig.put("blank.spec", `((from blank) (run (shell "true")))`);
    const ran = await rig.run(["build", "-f", "blank.spec", "--boot-timeout", "3s"]);
    expect(ran.exitCode, ran.stderr).toBe(5);
    expect(ran.stderr).toContain("the guest did not answer on SSH within 3 s");
    expect(ran.stderr).toContain("--boot-timeout");
    expect(await rig.machines()).toEqual([]);
  });

  test("QEMU refuses to make is told in QEMU's words", async () => {
    await using rig = await VmRig.create();
    await rig.put("store/base-image/odd.toml", 'machine = "no-such-machine"\n');
    await rig.put("store/base-image/odd.img", "x");
    await truncate(join(rig.dir, "store/base-image/odd.img"), 1024 ** 2);
    await rig.put("odd.spec", `((from odd) (run (shell "true")))`);
    const ran = await rig.run(["build", "-f", "odd.spec"]);
    expect(ran.exitCode, ran.stderr).toBe(4);
    expect(ran.stderr).toContain("unsupported machine type");
    expect(await rig.machines()).toEqual([]);
  });

  test("is killed under us ends the step", async () => {
    await using rig = await VmRig.create();
    const build = await rig.start(`(run (shell "echo up; sleep 60"))`);
    await build.saw("| up");
    for (const pid of await rig.machines()) process.kill(pid, "SIGKILL");
    const { exitCode, output } = await build.ended();
    expect(exitCode).toBe(5);
    expect(output).toContain("QEMU ended");
    expect(await rig.entries("result-tmp")).toEqual([]);
  });
});

test("--keep-failed leaves the machine running and tells how to log in", async () => {
  await using rig = await VmRig.create();
  const ran = await rig.build(`(run (shell "echo evidence > /root/evidence; exit 1"))`, [
    "--keep-failed",
  ]);
  expect(ran.exitCode, ran.stderr).toBe(1);
  const command = /^ *(ssh .*)$/m.exec(ran.stderr)?.[1] ?? "";
  const pid = Number(/^ *kill (\d+)$/m.exec(ran.stderr)?.[1]);
  expect(await rig.machines()).toEqual([pid]);
  const { execa } = await import("execa");
  const looked = await execa("sh", ["-c", `${command} cat /root/evidence`], { stdin: "ignore" });
  expect(looked.stdout).toBe("evidence");
  // Somebody else's start must not take the kept machine for rubbish.
  await rig.run(["ls"]);
  expect(await rig.entries("result-tmp")).toHaveLength(1);
  process.kill(pid, "SIGKILL");
  await expect.poll(() => rig.machines()).toEqual([]);
  await rig.run(["ls"]);
  expect(await rig.entries("result-tmp")).toEqual([]);
});
