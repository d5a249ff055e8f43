import { execa } from "execa";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { transports, VmRig } from "../support/vm-rig.ts";

/** The files of the newest version of a cache. */
async function cacheFiles(rig: VmRig, name: string): Promise<{ dir: string; files: string[] }> {
  const versions = await rig.entries(`cache/c-${name}`);
  const dir = join(rig.store, `cache/c-${name}`, versions.toSorted().at(-1) ?? "");
  return { dir, files: await readdir(dir) };
}

test("a cache that was written by one transport is read by any other", async () => {
  await using rig = await VmRig.create();
  const [disk, stream] = transports;
  for (const transport of transports) await rig.addBase(transport, transport);
  const cache = `(cache (c (target /c)))`;
  const fill = `
    (run ${cache} (shell "cd /c
      mkdir -p empty deep/er 'name with  spaces' && chmod 2711 empty && chown 7:8 empty
      n='new
line'; echo odd > \\"$n\\"; printf 'b\\\\377d' > deep/er/$(printf 'not-utf8-\\\\303\\\\050')
      echo data > deep/file && chown 70000:100000 deep/file && chmod 4751 deep/file
      ln deep/file 'name with  spaces/hard' && ln -s ../deep/file empty/link && ln -s /$(head -c 150 /dev/zero | tr '\\\\0' x) long
      mkfifo -m 600 fifo && mknod -m 640 null c 1 3
      dd if=/dev/urandom of=sparse bs=4096 seek=700 count=3 2>/dev/null && truncate -s 5000000 sparse
      mkdir $(head -c 120 /dev/zero | tr '\\\\0' d) && echo x > d*/$(head -c 120 /dev/zero | tr '\\\\0' f)
      : > nothing; for i in $(seq 400); do echo $i > deep/er/$i; done; touch -d '2001-02-03 04:05:06' deep/file
      chown 12:34 . && chmod 1775 ."))`;
  const list = (mark: string) => `
    (run ${cache} (shell ": ${mark}; cd /c && find . -print0 | sort -z | xargs -0 stat -c '%N %A %u:%g %h %s %t:%T' | sed 's/^\\\\(.*d[r-][w-].*\\\\) [0-9]* 0:0$/\\\\1/' | grep -v '^./lost+found'
      stat -c %Y deep/file; [ deep/file -ef 'name with  spaces/hard' ] && echo same
      readlink empty/link; readlink long | wc -c
      find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum"))`;
  const logs: string[] = [];
  const read = async (transport: string | undefined, mark: string) => {
    const id = await rig.built(list(mark), [], transport);
    logs.push(await rig.log(id));
  };
  await rig.built(fill, [], disk);
  expect((await cacheFiles(rig, "c")).files).toContain("disk-1.qcow2");
  await read(disk, "disk by disk");
  await read(stream, "disk by stream");
  expect((await cacheFiles(rig, "c")).files).toEqual(["content.tar"]);
  await read(stream, "stream by stream");
  await read(disk, "stream by disk");
  expect((await cacheFiles(rig, "c")).files).toContain("disk-1.qcow2");
  expect(logs[0]?.split("\n").length).toBeGreaterThan(400);
  for (const line of [
    ". drwxrwxr-t 12:34",
    "./deep/file -rwsr-x--x 70000:100000 2 5",
    "./empty drwx--s--x 7:8",
    "./fifo prw-------",
    "./null crw-r----- 0:0 1 0 1:3",
    "line -rw-r--r--",
    "./nothing -rw-r--r-- 0:0 1 0",
    "./sparse -rw-r--r-- 0:0 1 5000000",
    "981173106\nsame\n../deep/file\n152\n",
  ]) {
    expect(logs[0]).toContain(line);
  }
  for (const log of logs) expect(log).toBe(logs[0]);
});

test("a guest without the driver gets streams, and says so to those who ask", async () => {
  await using rig = await VmRig.create();
  await rig.put("bulk", Buffer.alloc(9 * 2 ** 20, "bulk"));
  const cache = `(cache (c (target /c)))`;
  await rig.built(`(run ${cache} (shell "echo old > /c/old"))`);
  const ran = await rig.build(
    `(run (shell "rm -r /lib/modules/*/kernel/drivers/scsi")) (reboot)
     (run ${cache} (shell "cat /c/old; echo new > /c/new")) (reboot)
     (copy (src bulk) (dst /bulk)) (run (shell "sha256sum < /bulk"))`,
    ["-v"],
  );
  expect(ran.exitCode, ran.stderr).toBe(0);
  expect(ran.stderr).toMatch(/the cache c goes by a stream: /);
  expect(ran.stderr).toMatch(/the copy goes by a stream: /);
  expect(ran.stderr).toContain("| old");
  const again = await rig.built(`(run ${cache} (shell "cat /c/old /c/new"))`);
  expect(await rig.log(again)).toBe("old\nnew");
});

test("a damaged disk costs the cache its content, and no step", async () => {
  await using rig = await VmRig.create();
  const cache = `(cache (c (target /c)))`;
  const fill = (mark: string) => `(run ${cache} (shell "echo lost > /c/lost; echo ${mark}"))`;
  for (const transport of transports) {
    await rig.addBase(transport, transport);
    await rig.built(fill(transport), [], transports[0]);
    const { dir, files } = await cacheFiles(rig, "c");
    const top = join(dir, files.toSorted().at(-1) ?? "");
    await execa("qemu-io", ["-f", "qcow2", "-c", "write -P 0x5a 0 64k", top]);
    const look = `(run ${cache} (shell "ls -A /c; echo kept > /c/kept"))`;
    const ran = await rig.build(look, [], transport);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stderr).toContain("the cache c is damaged and starts anew");
    expect(ran.stderr).not.toContain("| lost");
    const id = await rig.built(`${look} (run ${cache} (shell "cat /c/kept"))`, [], transport);
    expect(await rig.log(id)).toBe("kept");
  }
});
