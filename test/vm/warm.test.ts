import { appendFile, chmod, mkdir, readdir, readFile, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, test } from "vitest";
import { VmRig } from "../support/vm-rig.ts";

/** Builds and gives what was printed, with the phases and notes of `-v`. */
async function told(rig: VmRig, ops: string): Promise<string> {
  const ran = await rig.build(ops, ["-v"]);
  expect(ran.exitCode, ran.stderr).toBe(0);
  return ran.stderr;
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}

const boots = /\] booting$/gm;
const resumes = /\] resuming$/gm;

/** The directories of the store's suspended machines. */
async function machineDirs(rig: VmRig): Promise<string[]> {
  const dirs: string[] = [];
  for (const id of await rig.entries("result")) {
    const dir = join(rig.store, "result", id, "machine");
    if ((await readdir(dir).catch(() => [])).length > 0) dirs.push(dir);
  }
  return dirs;
}

describe("suspended machines", () => {
  test("one boot serves a chain and every later build of it", async () => {
    await using rig = await VmRig.create({ fresh: true });
    const one = `(run (shell "echo one > /one"))`;
    const two = `(run (shell "echo two > /two"))`;
    const three = (text: string) => `(run (shell "echo ${text}; cat /one /two"))`;
    const first = await told(rig, one + two + three("first"));
    expect(count(first, boots)).toBe(1);
    const changed = await told(rig, one + two + three("changed"));
    expect(count(changed, boots)).toBe(0);
    expect(count(changed, resumes)).toBe(1);
    expect(changed).toContain("| changed");
    expect(changed).toContain("| two");
    const branch = await told(rig, one + `(run (shell "ls /; cat /one"))`);
    expect(count(branch, boots)).toBe(0);
    expect(branch).not.toMatch(/\| two$/m);
    const other = await told(rig, `(run (shell "ls /"))`);
    expect(count(other, boots)).toBe(0);
    expect(other).not.toMatch(/\| one$/m);
    // That of `from`, and one for every step that was run.
    expect(await machineDirs(rig)).toHaveLength(7);
  });

  test("the disk of a warm layer boots, with everything the step wrote", async () => {
    await using rig = await VmRig.create();
    const write = `(run (shell "for i in 1 2 3; do head -c 300000 /dev/urandom > /f$i; done; sha256sum /f? > /sums"))`;
    await told(rig, write);
    for (const dir of await machineDirs(rig)) await rm(dir, { recursive: true });
    const cold = await rig.build(`${write} (run (shell "sha256sum -c /sums"))`, ["--boot", "cold"]);
    expect(cold.exitCode, cold.stderr).toBe(0);
    expect(count(cold.stderr, /: OK$/gm)).toBe(3);
  });

  test("what leaves the store was shut down, and the layer stays as it is", async () => {
    await using rig = await VmRig.create();
    const ops = `(run (shell "echo kept > /kept"))`;
    const id = await rig.built(ops);
    const disk = join(rig.store, "result", id, "rootfs/image.qcow2");
    const before = await readFile(disk);
    await rig.built(ops, ["-o", "out.raw"]);
    const checked = await execa("e2fsck", ["-fn", join(rig.dir, "out.raw")], { reject: false });
    expect(checked.exitCode, checked.stdout).toBe(0);
    expect(checked.stdout).not.toMatch(/recover/i);
    expect((await readFile(disk)).equals(before)).toBe(true);
    expect(await rig.entries("result-tmp")).toEqual([]);
  });

  test("no two forks of a machine draw the same random bytes, and their clocks are right", async () => {
    await using rig = await VmRig.create();
    await told(rig, `(run (shell "echo parent"))`);
    const draws: string[] = [];
    for (const fork of [1, 2, 3]) {
      const text = await told(
        rig,
        `(run (shell "echo parent")) (run (shell "head -c 4096 /dev/urandom | od -v -A n -t x8 -w8; date +now=%s; : ${fork}"))`,
      );
      draws.push(...(text.match(/(?<=\|  )[0-9a-f]{16}$/gm) ?? []));
      expect(count(text, boots)).toBe(0);
      const now = Number(/now=(\d+)/.exec(text)?.[1]);
      expect(Math.abs(now - Date.now() / 1000)).toBeLessThan(60);
    }
    expect(draws).toHaveLength(3 * 512);
    expect(new Set(draws).size).toBe(draws.length);
  });

  test("what a step leaves in RAM only does not reach the next one", async () => {
    await using rig = await VmRig.create();
    const look = `(run (shell "cat /proc/sys/vm/swappiness; ls /mnt /dev/shm /run/left 2>&1; ps | grep -c '[s]leep 999'; true"))`;
    const clean = await told(rig, `(run (shell "true")) ${look}`);
    const clutter = `(run (shell "sleep 999 & (setsid sleep 999 &); echo x > /dev/shm/left; echo x > /run/left"))`;
    const undone = await told(rig, `${clutter} ${look}`);
    expect(count(undone, boots)).toBe(0);
    expect(undone).not.toContain("not kept");
    const mounted = `(run (shell "mount -t tmpfs none /mnt; echo x > /mnt/x; echo 1 > /proc/sys/vm/swappiness"))`;
    const dropped = await told(rig, `${mounted} ${look}`);
    expect(dropped).toMatch(/its machine is not kept: the step changed .*(\/mnt|swappiness)/);
    expect(count(dropped, boots)).toBe(1);
    const seen = (text: string) => text.split("\n").filter((line) => line.startsWith("[3/3] | "));
    expect(seen(undone)).toEqual(seen(clean));
    expect(seen(dropped)).toEqual(seen(clean));
  });

  test("(reboot) is one", async () => {
    await using rig = await VmRig.create({ fresh: true });
    const up = `(run (shell "echo up $(cut -d. -f1 /proc/uptime)"))`;
    const text = await told(rig, `(run (shell "sleep 8")) (reboot) ${up}`);
    expect(count(text, boots)).toBe(2);
    expect(Number(/up (\d+)/.exec(text)?.[1])).toBeLessThan(8);
  });

  test("several builds go on from one machine at once", async () => {
    await using rig = await VmRig.create();
    await told(rig, `(run (shell "echo shared > /shared"))`);
    const forks = await Promise.all(
      [1, 2, 3].map(async (fork) => {
        await rig.put(
          `${fork}.spec`,
          `((from busybox) (run (shell "echo shared > /shared")) (run (shell "cat /shared; echo ${fork} > /own; sleep 1; cat /own")))`,
        );
        return rig.run(["build", "-v", "-f", `${fork}.spec`]);
      }),
    );
    for (const [index, { exitCode, stderr }] of forks.entries()) {
      expect(exitCode, stderr).toBe(0);
      expect(stderr).toContain(`| ${index + 1}`);
      expect(count(stderr, boots)).toBe(0);
    }
  });
});

describe("a suspended machine that cannot be used", () => {
  const parent = `(run (shell "echo parent > /parent"))`;

  /** Builds on the parent and gives what was printed. */
  async function buildNext(rig: VmRig, env: Record<string, string> = {}): Promise<string> {
    await rig.put("next.spec", `((from busybox) ${parent} (run (shell "cat /parent; echo next")))`);
    const ran = await rig.run(["build", "-v", "-f", "next.spec"], env);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stderr).toContain("| parent");
    expect(count(ran.stderr, boots)).toBe(1);
    return ran.stderr;
  }

  test.each<[what: string, damage: (dir: string) => Promise<void>, why: RegExp]>([
    ["is cut short", (dir) => truncate(join(dir, "ram-1"), 4096), /ram-1 was changed/],
    ["lacks a file", (dir) => rm(join(dir, "devices")), /missing/],
    ["was written to", (dir) => appendFile(join(dir, "devices"), "x"), /devices was changed/],
  ])("because it %s is told, and the layer boots", async (_, damage, why) => {
    await using rig = await VmRig.create();
    const id = await rig.built(parent);
    await damage(join(rig.store, "result", id, "machine"));
    expect(await buildNext(rig)).toMatch(why);
  });

  test("because QEMU is another one is told, and the layer boots", async () => {
    await using rig = await VmRig.create();
    await rig.built(parent);
    const bin = join(rig.dir, "bin");
    await mkdir(bin);
    await rig.put("bin/qemu-system-x86_64", `#!/bin/sh\nexec /usr/bin/qemu-system-x86_64 "$@"\n`);
    await chmod(join(bin, "qemu-system-x86_64"), 0o755);
    const text = await buildNext(rig, { PATH: `${bin}:${process.env["PATH"]}` });
    expect(text).toContain("QEMU is another one");
  });

  test("because its saving was killed is none, and the next build is right", async () => {
    await using rig = await VmRig.create();
    const build = await rig.start(parent);
    await build.saw("suspending");
    await build.end("SIGKILL");
    await expect.poll(() => rig.machines()).toEqual([]);
    const next = await rig.build(`${parent} (run (shell "cat /parent"))`);
    expect(next.exitCode, next.stderr).toBe(0);
    expect(next.stderr).toContain("| parent");
    expect(await rig.entries("result-tmp")).toEqual([]);
  });
});

test("cold and warm builds of a spec give the same files", async () => {
  await using rig = await VmRig.create();
  await rig.put("context/etc/motd", "hello\n");
  const list = `find / -xdev \\( -path /proc -o -path /sys -o -path /dev -o -path /run \\) -prune -o -print0 | sort -z | xargs -0 stat -c '%n %f %u:%g' ; find / -xdev -type f ! -path '/proc/*' ! -path '/sys/*' -print0 | sort -z | xargs -0 sha256sum`;
  const ops = `(run (shell "echo tmp > /tmp/kept; mkdir -p /srv/data; chown 1000:1000 /srv/data; chmod 2775 /srv/data"))
    (copy (src context) (dst /copied))
    (run (shell "echo 'extra:x:7777:builder' >> /etc/group; echo 'svc:x:500:500::/:/bin/sh' >> /etc/passwd; touch /run/nothing /dev/shm/nothing"))
    (user (uid 1000) (gid 1000)) (run (shell "umask 027; echo own > /srv/data/own; ln -s own /srv/data/link"))
    (user (uid 0) (gid 0)) (run (shell "${list}"))`;
  const logs: string[] = [];
  for (const boot of ["cold", "warm"]) {
    await using other = await VmRig.create();
    await other.put("context/etc/motd", "hello\n");
    const id = await other.built(ops, ["--boot", boot]);
    logs.push(await other.log(id));
  }
  expect(logs[0]?.split("\n").length).toBeGreaterThan(100);
  expect(logs[1]).toBe(logs[0]);
  expect(await readFile(join(rig.dir, "context/etc/motd"), "utf8")).toBe("hello\n");
});
