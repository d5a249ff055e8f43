/** Disks whose volumes only the larger appliance can open, and disks with several systems. */
import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ext4, partitioned, putSystem, toolEnv as env } from "../support/image-files.ts";
import { VmRig } from "../support/vm-rig.ts";

let rig: VmRig;

beforeAll(async () => {
  rig = await VmRig.create();
  await rig.takeBase("appliance");
  await putSystem(rig.dir, "system", {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nperson:x:1000:1000::/home/person:/bin/sh\n",
    "var/lib/dpkg/status":
      "Package: hello\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.10-3\n",
  });
  await copyFile(new URL("../support/make-volumes.sh", import.meta.url), join(rig.dir, "make.sh"));
  const ops = `(copy (src system make.sh) (dst /work/)) (workdir /work) (run (shell "sh make.sh"))`;
  await rig.built(ops, ["--output", "/work/made:."], "appliance");
  const part = (name: string, settings: string) => [join(rig.dir, "made", name), settings] as const;
  const root = await putSystem(rig.dir, "other", {
    "etc/os-release": 'PRETTY_NAME="Other Linux"\n',
  });
  await ext4(join(rig.dir, "made/boot"), root);
  await ext4(join(rig.dir, "made/empty"), await putEmpty());
  const disks = {
    "lvm.img": ["dos", [part("empty", "type=83"), part("lvm", "type=8e")]],
    "btrfs.img": ["dos", [part("btrfs", "type=83")]],
    "luks.img": ["gpt", [part("luks", "")]],
    "windows.img": ["dos", [part("windows", "type=7")]],
    "hibernated.img": ["dos", [part("hibernated", "type=7")]],
    "several.img": ["dos", [part("boot", "type=83"), part("lvm", "type=8e")]],
  } as const;
  for (const [name, [label, parts]] of Object.entries(disks)) {
    await partitioned(join(rig.dir, name), label, parts);
  }
  await rig.put("passphrase", "secret\n");
}, 600_000);

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
});

async function putEmpty(): Promise<string> {
  await rig.put("nothing/note", "no system\n");
  return join(rig.dir, "nothing");
}

const key = ["--key", "all:file:passphrase"];

describe.each<[name: string, disk: string, flags: readonly string[], place: string, home: string]>([
  ["xfs on LVM, behind an MBR", "lvm.img", [], "logical volume test-vg/root", "/data"],
  ["btrfs subvolumes", "btrfs.img", [], "partition 1", "/home"],
  ["LUKS", "luks.img", key, "the encrypted volume on partition 1", "/srv"],
  [
    "one of several systems, by its logical volume",
    "several.img",
    ["--root", "test-vg/root"],
    "logical volume test-vg/root",
    "/data",
  ],
])("%s", (_, disk, flags, place, home) => {
  test("is changed, and what was written is read again", async () => {
    const operations = [
      "--mkdir",
      home,
      "--write",
      `${home}/tool:new`,
      "--chmod",
      `0750:${home}/tool`,
    ];
    const changed = await rig.run(["customize", "-a", disk, "-q", ...flags, ...operations]);
    expect(changed, changed.stderr).toMatchObject({ exitCode: 0, stderr: "" });
    expect((await rig.run(["files", "cat", disk, `${home}/tool`, ...flags])).stdout).toBe("new");
    const listed = await rig.run(["files", "ls", "-l", disk, home, ...flags]);
    expect(listed.stdout).toMatch(/^-rwxr-x--- .* tool$/m);
  });

  test("is told, with its volumes", async () => {
    const told = await rig.run(["inspect", "--json", disk, ...flags]);
    expect(told, told.stderr).toMatchObject({ exitCode: 0, stderr: "" });
    const { system, volumes, packages, users } = JSON.parse(told.stdout);
    expect(packages).toEqual([{ name: "hello", version: "2.10-3", arch: "amd64" }]);
    expect(users).toContainEqual(expect.objectContaining({ name: "person", uid: 1000 }));
    expect(system).toMatchObject({ place, name: "Test Linux" });
    expect(volumes).toContainEqual(
      expect.objectContaining({ place, mounted: expect.objectContaining({ on: "/" }) }),
    );
  });
});

test("what is on a logical volume of its own is written there", async () => {
  const { stdout } = await rig.run(["files", "df", "--json", "lvm.img"]);
  expect(JSON.parse(stdout)).toContainEqual(
    expect.objectContaining({
      place: "logical volume test-vg/data",
      mounted: expect.objectContaining({ on: "/data" }),
    }),
  );
});

test("one of several systems is meant by its UUID", async () => {
  const read = async (root: string) =>
    JSON.parse((await rig.run(["inspect", "--json", "several.img", "--root", root])).stdout);
  const { volumes } = await read("1");
  const { uuid } = volumes.find(({ place }: { place: string }) => place === "partition 1");
  expect((await read(`UUID=${uuid}`)).system.name).toBe("Other Linux");
});

test("a file system that was written to is whole", async () => {
  const operations = [
    "--mkdir",
    "/srv/a/b",
    "--copy",
    "/etc:/srv/a",
    "--delete",
    "/etc/machine-id",
  ];
  const changed = await rig.run([
    "customize",
    "-a",
    "several.img",
    "--root",
    "1",
    "-q",
    ...operations,
  ]);
  expect(changed, changed.stderr).toMatchObject({ exitCode: 0 });
  const volume = join(rig.dir, "volume");
  const from = [`if=${join(rig.dir, "several.img")}`, "skip=1", "count=32", "bs=1M", "status=none"];
  await execa("dd", [...from, `of=${volume}`]);
  const checked = await execa("e2fsck", ["-fn", volume], { env, reject: false });
  expect(checked.exitCode, checked.stdout).toBe(0);
});

test("NTFS is read and written", async () => {
  const changed = await rig.run(
    "customize -a windows.img -q --write /hello.txt:changed --mkdir /new".split(" "),
  );
  expect(changed, changed.stderr).toMatchObject({ exitCode: 0, stderr: "" });
  expect((await rig.run(["files", "cat", "windows.img", "/hello.txt"])).stdout).toBe("changed");
  const listed = (await rig.run(["files", "ls", "windows.img"])).stdout.split("\n");
  expect(listed).toEqual(["Windows", "hello.txt", "new"]);
  expect((await rig.run(["inspect", "windows.img"])).stdout).toMatch(/^system +Windows, on/m);
});

test.each<[argv: string, exitCode: number, message: string]>([
  [
    "customize -a hibernated.img -q --write /hello.txt:changed",
    3,
    'hibernated.img could not be edited; it is as it was\n  Windows is hibernated on it, or was shut down with fast startup: boot it, and shut it down by "shutdown /s /f /t 0"',
  ],
  ["files ls luks.img", 3, "there is no system on luks.img"],
  ["files ls luks.img", 3, "--key"],
  ["files ls luks.img --key all:key:wrong", 3, "no key opens the encrypted volume on partition 1"],
  ["files ls luks.img --key nonsense", 2, "--key nonsense: this is not VOLUME:file:PATH"],
  ["files ls several.img", 3, "there is more than one system on several.img"],
  [
    "files ls several.img",
    3,
    "partition 1: Other Linux\n  logical volume test-vg/root: Test Linux",
  ],
  ["files ls several.img", 3, "--root"],
  ["files ls several.img --root 7", 3, "there is no volume /dev/sda7 on it"],
])("%s is told", async (argv, exitCode, message) => {
  const disk = /\w+\.img/.exec(argv)?.[0] ?? "";
  const before = await readFile(join(rig.dir, disk));
  const ran = await rig.run(argv.split(" "));
  expect(ran).toMatchObject({ exitCode, stdout: "" });
  expect(ran.stderr).toContain(message);
  expect(before.equals(await readFile(join(rig.dir, disk)))).toBe(true);
});

test("without the base image for it, the way to it is told", async () => {
  await using bare = await VmRig.create();
  await copyFile(join(rig.dir, "lvm.img"), join(bare.dir, "lvm.img"));
  const ran = await bare.run(["files", "ls", "lvm.img"]);
  expect(ran).toMatchObject({ exitCode: 3, stdout: "" });
  expect(ran.stderr).toContain("vmbuild base build appliance");
});
