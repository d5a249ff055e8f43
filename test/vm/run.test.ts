import { describe, expect, test } from "vitest";
import { VmRig } from "../support/vm-rig.ts";

test("workdir, env, user and shell mean what they say", async () => {
  await using rig = await VmRig.create();
  const root = await rig.built(`
    (workdir "/made for us; touch /hacked")
    (env PATH /bin:/usr/bin:/ours)
    (env HOME /elsewhere)
    (env GREETING "a  b 'c' \\"d\\" $e")
    (shell /bin/sh -e -c)
    (run (shell "pwd; echo $PATH; echo $HOME; echo \\"$GREETING\\"; id -u; ls / | grep -c hacked || true"))`);
  expect(await rig.log(root)).toBe(
    "/made for us; touch /hacked\n/bin:/usr/bin:/ours\n/elsewhere\na  b 'c' \"d\" $e\n0\n0",
  );
  const user = await rig.built(`
    (user (uid 1000) (gid 1000))
    (run (shell "id -u; id -g; echo $HOME; touch ~/mine; ls -ln ~/mine | cut -c1-24; touch /root/x 2>&1 || echo denied"))`);
  const lines = (await rig.log(user)).split("\n");
  expect(lines.slice(0, 3)).toEqual(["1000", "1000", "/home/builder"]);
  expect(lines.at(-1)).toBe("denied");
});

test("output of any shape comes through: no newline, much of it, binary, both streams", async () => {
  await using rig = await VmRig.create();
  const many = await rig.build(
    `(run (shell "head -c 20000000 /dev/zero | tr '\\\\0' x; echo; echo end; echo problem >&2; printf 'no newline'"))`,
  );
  expect(many.exitCode, many.stderr.slice(-2000)).toBe(0);
  expect(many.stderr.slice(0, 1000)).toContain("| xxxx");
  expect(many.stderr.slice(-500)).toContain("| end\n[2/2] | problem\n[2/2] | no newline\n");
  const log = await rig.log(many.stdout);
  expect(log.length).toBeGreaterThan(20_000_000);
});

test("a process left in the background does not hold the step up", async () => {
  await using rig = await VmRig.create();
  const id = await rig.built(`(run (shell "sleep 1000 & echo started"))`);
  expect(await rig.log(id)).toBe("started");
});

describe("the disk", () => {
  test("is grown by --disk-size, and the root file system with it; -o writes one flat image", async () => {
    await using rig = await VmRig.create();
    const id = await rig.built(`(run (shell "df -k / | tail -n 1"))`, [
      "--disk-size",
      "6G",
      "-o",
      "flat.raw",
      "-t",
      "grown",
    ]);
    const kilobytes = Number((await rig.log(id)).trim().split(/\s+/)[1]);
    expect(kilobytes).toBeGreaterThan(5.5 * 1024 ** 2);
    const { execa } = await import("execa");
    const checked = await execa("e2fsck", ["-fn", "flat.raw"], { cwd: rig.dir, reject: false });
    expect(checked.exitCode, checked.stdout).toBe(0);
    await rig.put("next.spec", `((from grown) (run (shell "echo on top")))`);
    expect((await rig.run(["build", "-f", "next.spec"])).exitCode).toBe(0);
  });
});

test("healthcheck really boots and finds nothing wrong", async () => {
  await using rig = await VmRig.create();
  const ran = await rig.run(["healthcheck"]);
  expect(ran.exitCode, ran.stdout).toBe(0);
  expect(ran.stdout).toMatch(/ok {4}boot busybox: booted, ran `echo healthcheck`/);
  expect(ran.stdout).toMatch(/ok {4}accelerator: /);
  expect(await rig.entries("result-tmp")).toEqual([]);
});
