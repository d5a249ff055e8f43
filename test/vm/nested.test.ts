import { lstat, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Transport, VmRig } from "../support/vm-rig.ts";

const ways: readonly [boot: string, transport: Transport][] = [
  ["warm", "virtio-scsi"],
  ["cold", "virtio-scsi"],
  ["warm", "stream"],
];

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
      printf '#!/bin/sh\\ncat \\$(dirname \\$0)/../share/text\\n' > /out/bin/program
      chmod 4755 /out/bin/program && chown 1000:1000 /out/bin/program
      dd if=/dev/zero of=/out/bulk bs=1M count=12 2>/dev/null
      ln -s bin/program /out/link; ln /out/share/text '/out/a second name'
      mkfifo /out/fifo; echo no > /out/share/skip"))))`;

test.each(ways)("copy from a nested build, %s by %s", async (boot, transport) => {
  await using rig = await VmRig.create({ transport });
  const base = `busybox-${transport}`;
  const build = async (text: string, flags: readonly string[] = []) => {
    await rig.put("test.spec", text);
    return rig.run(["build", "-v", "--boot", boot, "-f", "test.spec", ...flags]);
  };
  const ran = await build(
    `(${tools(base)}
      (from ${base})
      (copy (from (build tools)) (src /out) (dst /opt/app) (exclude fifo skip))
      (user (uid 77) (gid 78))
      (copy (from (build tools)) (src /out/bin/program /out/share) (dst /opt/of77/))
      (user (uid 0) (gid 0))
      (copy (from (build tools)) (src /) (dst /copy) (exclude dev fifo lib))
      (run (shell "
        /opt/app/bin/program; /opt/app/link
        cd /opt && find . /copy/out/bin /copy/proc -print0 | sort -z | xargs -0 stat -c '%n %a %u:%g'
        wc -c < /copy/out/bulk; cmp /opt/app/bulk /copy/out/bulk && echo same; readlink app/link")))`,
    ["-o", "/opt/app:host", "-o", "/opt/of77/program:host"],
  );
  expect(ran.exitCode, ran.stderr).toBe(0);
  const lines = (await rig.log(ran.stdout)).split("\n");
  expect(lines.slice(0, 2)).toEqual(["from the innermost", "from the innermost"]);
  expect(lines.slice(2)).toEqual([
    ". 755 0:0",
    "./app 755 0:0",
    "./app/a second name 600 0:0",
    "./app/bin 755 0:0",
    "./app/bin/program 4755 1000:1000",
    "./app/bulk 644 0:0",
    "./app/empty 2750 12:34",
    "./app/link 777 0:0",
    "./app/share 755 0:0",
    "./app/share/text 600 0:0",
    "./of77 755 77:78",
    "./of77/program 755 77:78",
    "./of77/share 755 77:78",
    "./of77/share/skip 644 77:78",
    "./of77/share/text 600 77:78",
    "/copy/out/bin 755 0:0",
    "/copy/out/bin/program 4755 1000:1000",
    "/copy/proc 555 0:0",
    "12582912",
    "same",
    "bin/program",
  ]);
  const isStream = ran.stderr.includes("files are read by a stream");
  expect(isStream).toBe(false);

  const host = join(rig.dir, "host");
  expect((await readdir(host)).sort()).toEqual(["app", "program"]);
  expect((await lstat(join(host, "app/bin/program"))).mode & 0o6111).toBe(0o111);
  expect((await lstat(join(host, "app/bulk"))).size).toBe(12 * 2 ** 20);
  expect(await readFile(join(host, "app/a second name"), "utf8")).toBe("from the innermost\n");

  // The nested build is in the store by now, and its layers are as they were.
  const again = await build(
    `(${tools(base)}
      (from ${base})
      (copy (from (build tools)) (src /out/share/text /out/none) (dst /t/)))`,
  );
  expect(again.exitCode).toBe(3);
  expect(again.stderr).toMatch(/test\.spec:\d+:\d+: there is no \/out\/none in the build tools/);
  const special = await build(`(${tools(base)} (from ${base})
    (copy (from (build tools)) (src /out) (dst /t)))`);
  expect(special.stderr).toContain("/out/fifo in the build tools is a device or a FIFO");
  expect(await rig.machines()).toEqual([]);
});

test("independent builds run at once, and one that fails stops no other", async () => {
  await using rig = await VmRig.create();
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
  expect(ran.exitCode).toBe(1);
  expect(ran.stderr).toMatch(/\| a\n/);
  expect(ran.stderr.match(/---> saved/g)).toHaveLength(3);
  expect(ran.stderr).toMatch(/test\.spec:\d+:\d+: the command exited with status 3/);
  expect(await rig.entries("result-tmp")).toEqual([]);
  expect(await rig.machines()).toEqual([]);
});
