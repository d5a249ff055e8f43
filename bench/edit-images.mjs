import { writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { builtMachine } from "./bare-qemu.mjs";
import { versionOf } from "./host.mjs";
import { timed, vmbuild } from "./process.mjs";
import { limitRow, median, ratioRow } from "./table.mjs";
import { customizeOverlay } from "./virt-customize.mjs";

const bigBytes = 200e6;

const copyIn = (rig, name) => ["--copy-in", `${join(rig.dir, name)}:/usr/local/bin`];

/**
 * Images that are not booted: changed, read and looked at. An image was edited once before, so that the machine for it is
 * suspended; so was virt-customize's appliance made.
 */
export async function editImages(rig, runs) {
  writeFileSync(join(rig.dir, "tool"), "#!/bin/sh\n");
  writeFileSync(join(rig.dir, "big"), randomBytes(bigBytes));
  const { disk } = await builtMachine(rig, "edit-images.spec", "", rig.base);
  const image = join(rig.dir, "edited.qcow2");
  await timed(["qemu-img", "convert", "-O", "qcow2", disk, image]);
  const jobs = {
    copy: [...copyIn(rig, "tool"), "--chmod", "0755:/usr/local/bin/tool"],
    command: ["--run-command", "true"],
    big: copyIn(rig, "big"),
  };
  const commands = {
    ...Object.fromEntries(
      Object.entries(jobs).map(([name, job]) => [name, ["customize", "-q", "-a", image, ...job]]),
    ),
    read: ["files", "cat", image, "/etc/os-release"],
    inspect: ["inspect", "--json", image],
  };
  const hasRival = (await versionOf("virt-customize")) !== undefined;
  const ours = Object.fromEntries(Object.keys(commands).map((name) => [name, []]));
  const theirs = { copy: [], command: [] };
  await vmbuild(rig, commands.command, { boot: "warm" });
  if (hasRival) await customizeOverlay(rig, image, jobs.command);
  for (let run = 0; run < runs; run++) {
    for (const [name, argv] of Object.entries(commands)) {
      ours[name].push((await vmbuild(rig, argv, { boot: "warm" })).ms);
    }
    if (!hasRival) continue;
    for (const [name, times] of Object.entries(theirs)) {
      times.push((await customizeOverlay(rig, image, jobs[name])).ms);
    }
  }
  const of = (name) => median(ours[name]);
  const against = (name, what) => {
    if (!hasRival) {
      return [{ what, measured: "left out", against: "virt-customize is not installed" }];
    }
    const rival = { label: "virt-customize", ms: median(theirs[name]) };
    return [ratioRow(what, of(name), rival, 8)];
  };
  const rate = bigBytes / 1e6 / (of("big") / 1000);
  return {
    rows: [
      ...against("copy", "one file into an image, with its mode"),
      limitRow("the same", of("copy"), 2000),
      ...against("command", "the command true in an image"),
      limitRow("one file out of an image", of("read"), 1000),
      limitRow("what is in an image", of("inspect"), 1500),
      {
        what: "a file of 200 MB into an image",
        measured: `${rate.toFixed(0)} MB/s`,
        target: "60 MB/s",
        met: rate >= 60,
      },
    ],
  };
}
