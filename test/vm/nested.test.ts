import { lstat, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { bootMode, transports, VmRig } from "../support/vm-rig.ts";

/** More than what goes by disk where there are disks. */
const tools = (base: string) => `
  (build tools
   ((build inner
     ((from ${base})
      (run (shell "mkdir /made && echo 'from the innermost' > /made/text && chmod 600 /made/text"))))
    (from ${base})
    (copy (from (build inner)) (src /made) (dst /out/share))
    (run (shell "
      mkdir -p /out/bin /out/empty && chown 12:34 /out/empty && chmod 2750 /out/empty
      printf '#!/bin/sh\\ncat /opt/app/share/text\\n' > /out/bin/program
      chown 1000:1000 /out/bin/program && chmod 4755 /out/bin/program
      dd if=/dev/zero of=/out/bulk bs=1M count=12 2>/dev/null
      ln -s bin/program /out/link; ln /out/share/text '/out/a second name'
      mkfifo /out/fifo; echo no > /out/share/skip"))))`;

async function build(rig: VmRig, text: string, flags: readonly string[] = []) {
  await rig.put("test.spec", text);
  return rig.run(["build", "-v", "-f", "test.spec", ...flags]);
}

test.each(transports)("files of a nested build are as it left them, by %s", async (transport) => {
  await using rig = await VmRig.create({ transport });
  const base = `busybox-${transport}`;
  const ran = await build(
    rig,
    `(${tools(base)}
      (from ${base})
      (copy (from (build tools)) (src /out) (dst /opt/app) (exclude fifo skip))
      (run (shell "
        /opt/app/bin/program; /opt/app/link
        cd /opt/app && find . -print0 | sort -z | xargs -0 stat -c '%n %a %u:%g'
        wc -c < bulk; readlink link")))`,
    ["-o", "/opt/app:host", "-o", "/opt/app/bin/program:host"],
  );
  expect(ran.exitCode, ran.stderr).toBe(0);
  expect(ran.stderr).not.toContain("files are read by a stream");
  expect((await rig.log(ran.stdout)).split("\n")).toEqual([
    "from the innermost",
    "from the innermost",
    ". 755 0:0",
    "./a second name 600 0:0",
    "./bin 755 0:0",
    "./bin/program 4755 1000:1000",
    "./bulk 644 0:0",
    "./empty 2750 12:34",
    "./link 777 0:0",
    "./share 755 0:0",
    "./share/text 600 0:0",
    "12582912",
    "bin/program",
  ]);
  const host = join(rig.dir, "host");
  expect((await readdir(host)).sort()).toEqual(["app", "program"]);
  expect((await lstat(join(host, "app/bin/program"))).mode & 0o6111).toBe(0o111);
  expect((await lstat(join(host, "app/bulk"))).size).toBe(12 * 2 ** 20);
  expect(await readFile(join(host, "app/a second name"), "utf8")).toBe("from the innermost\n");
  expect(await rig.machines()).toEqual([]);
});

test("a copy from a nested build may be the whole disk, or another user's", async () => {
  await using rig = await VmRig.create();
  const made = `(build made ((from busybox) (run (shell "
    mkdir -m 700 /made && echo text > /made/text && chmod 4711 /made/text && mkfifo /made/fifo"))))`;
  const ran = await build(
    rig,
    `(${made} (from busybox)
      (copy (from (build made)) (src /) (dst /copy) (exclude dev fifo lib usr))
      (user (uid 77) (gid 78))
      (copy (from (build made)) (src /made/text /etc/hostname) (dst /of77/))
      (user (uid 0) (gid 0))
      (run (shell "
        find /of77 /copy/made /copy/proc | sort | xargs stat -c '%n %a %u:%g'; ls -A /copy/sys /copy/run")))`,
  );
  expect(ran.exitCode, ran.stderr).toBe(0);
  const lines = (await rig.log(ran.stdout)).split("\n");
  expect(lines).toContain("/copy/made 700 0:0");
  expect(lines).toContain("/copy/made/text 4711 0:0");
  // Nothing below what was mounted.
  expect(lines.filter((line) => line.startsWith("/copy/proc"))).toHaveLength(1);
  expect(lines).toContain("/of77 755 77:78");
  expect(lines).toContain("/of77/text 711 77:78");
  expect(lines).toContain("/of77/hostname 644 77:78");

  // The nested build is in the store by now.
  const missing = await build(
    rig,
    `(${made} (from busybox) (copy (from (build made)) (src /made/text /made/none) (dst /t/)))`,
  );
  expect(missing.exitCode, missing.stderr).toBe(3);
  expect(missing.stderr).toMatch(/test\.spec:\d+:\d+: there is no \/made\/none in the build made/);
  const special = await build(
    rig,
    `(${made} (from busybox) (copy (from (build made)) (src /made) (dst /t)))`,
  );
  expect(special.exitCode, special.stderr).toBe(3);
  expect(special.stderr).toContain("/made/fifo in the build made is a device or a FIFO");
  expect(await rig.machines()).toEqual([]);
});

test("a build without a suspended machine is read without a boot", async (context) => {
  if (bootMode === "cold") context.skip("whoever wants boots gets them");
  await using rig = await VmRig.create();
  const made = `(build made ((from busybox) (run (shell "
    mkdir -m 700 /made /made/empty && echo text > /made/text && chmod 4711 /made/text
    ln -s text /made/link && chown -h 5:6 /made/link && ln -s /made /way"))))`;
  const copy = (paths: string, to: string) =>
    build(
      rig,
      `(${made} (from busybox) (copy (from (build made)) (src ${paths}) (dst ${to}))
        (run (shell "find ${to} | sort | xargs stat -c '%n %a %u:%g'")))`,
    );
  const first = await copy("/made/text", "/first/");
  expect(first.exitCode, first.stderr).toBe(0);
  for (const id of await rig.entries("result")) {
    await rm(join(rig.store, "result", id, "machine"), { recursive: true, force: true });
  }

  const ran = await copy("/made /way/link", "/copy/");
  expect(ran.exitCode, ran.stderr).toBe(0);
  expect(ran.stderr).toContain("files are read without booting the guest");
  expect((await rig.log(ran.stdout)).trim().split("\n")).toEqual([
    "/copy/ 755 0:0",
    "/copy/link 777 0:0",
    "/copy/made 700 0:0",
    "/copy/made/empty 700 0:0",
    "/copy/made/link 777 0:0",
    "/copy/made/text 4711 0:0",
  ]);
  // Only the guest knows what a boot mounts.
  const whole = await copy("/etc/hostname /proc/version", "/copy/");
  expect(whole.exitCode, whole.stderr).toBe(0);
  expect(whole.stderr).toContain(
    "the guest is booted to be read: /proc/version is filled by a boot",
  );
  const odd = `(build odd ((from busybox) (run (shell "
      mkdir /odd; echo odd > /odd/file; echo 'LABEL=none /media ext4 nofail 0 0' > /etc/fstab"))))`;
  const left = await build(
    rig,
    `(${odd} (from busybox) (copy (from (build odd)) (src /odd/file) (dst /copy/)))`,
  );
  expect(left.exitCode, left.stderr).toBe(0);
  expect(left.stderr).toContain("the guest is booted to be read: /media is on LABEL=none");
  const missing = await copy("/made/none", "/copy/");
  expect(missing.exitCode, missing.stderr).toBe(3);
  expect(missing.stderr).toContain("there is no /made/none in the build made");
  expect(await rig.machines()).toEqual([]);
});

test("independent builds run at once, and one that fails stops no other", async () => {
  await using rig = await VmRig.create({ fresh: true });
  const branch = (name: string, command: string) =>
    `(build ${name} ((from busybox) (run (shell "${command}"))))`;
  await rig.put(
    "test.spec",
    `(${branch("a", "echo a; exit 3")} ${branch("b", "echo b > /b")} (from busybox)
      (copy (from (build b)) (src /b) (dst /b)) (copy (from (build a)) (src /a) (dst /a))
      (run (shell "cat /b")))`,
  );
  const argv = ["build", "--jobs", "2", "--keep-going", "-f", "test.spec"];
  const ran = await rig.run(argv);
  expect(ran.exitCode, ran.stderr).toBe(1);
  expect(ran.stderr).toMatch(/\| a\n/);
  expect(ran.stderr.match(/---> saved/g)).toHaveLength(3);
  expect(ran.stderr).toMatch(/test\.spec:\d+:\d+: the command exited with status 3/);
  expect(await rig.entries("result-tmp")).toEqual([]);
  expect(await rig.machines()).toEqual([]);
});
