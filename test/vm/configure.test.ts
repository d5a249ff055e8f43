import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";
import { VmRig } from "../support/vm-rig.ts";

/** The text of a file in the first partition, an ext4, of an image. */
async function fileIn(image: string, path: string): Promise<string> {
  const raw = `${image}.raw`;
  await execa("qemu-img", ["convert", "-O", "raw", image, raw]);
  const { stdout } = await execa("sfdisk", ["--json", raw]);
  const { partitiontable } = JSON.parse(stdout);
  const offset = partitiontable.partitions[0].start * 512;
  return (await execa("debugfs", ["-R", `cat ${path}`, `${raw}?offset=${offset}`])).stdout;
}

test("an image is what cloud-init has made of it", async () => {
  await using rig = await VmRig.create();
  await using debian = await VmRig.create({ base: "debian-12" });
  const profilePath = join(debian.store, "base-image/debian-12.toml");
  const profile = await readFile(profilePath, "utf8");
  const disk = /^disk = "(.*)"$/m.exec(profile)?.[1] ?? "";
  await rig.put("generated-images/.keep", "");
  const image = join(rig.dir, "generated-images/image.qcow2");
  await execa("qemu-img", ["convert", "-O", "qcow2", join(dirname(profilePath), disk), image]);
  await rig.put(
    "cloud-init-config/user-data",
    `#cloud-config
hostname: made-once
locale: C.UTF-8
ssh_genkeytypes: [ed25519]
runcmd:
  - echo ran as $(id -un) >/root/mark
`,
  );
  await rig.put("cloud-init-config/meta-data", "instance-id: one\n");
  await rig.put("cloud-init-config/vendor-data", "");
  const ran = await rig.run(["configure", "--no-network"]);
  expect(ran.exitCode, ran.stderr).toBe(0);
  expect(ran.stderr).toContain("sealed generated-images/image.qcow2 (Debian GNU/Linux 12");
  expect(ran.stderr).toContain("configured generated-images/image.qcow2 in ");
  expect((await readdir(join(rig.dir, "generated-images"))).sort()).toEqual([
    ".keep",
    "image.qcow2",
  ]);
  expect(await readdir(join(rig.dir, "image-config"))).toEqual(["seed.img"]);
  expect(await fileIn(image, "/root/mark")).toBe("ran as root");
  expect(await fileIn(image, "/etc/hostname")).toBe("made-once");
  expect(await fileIn(image, "/etc/machine-id")).toBe("");
  expect(await rig.machines()).toEqual([]);
});
