/**
 * The way from an installation ISO to a base image, for systems that cannot be had here: real QEMU, real media, and
 * in the place of the installer a program that ends as one does.
 */
import { execa } from "execa";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { RecipeRig } from "../support/base-recipe.ts";
import { installerProgram, openbsdMedia, windowsMedia } from "../support/installer-media.ts";

const media = { "windows-server-2022": windowsMedia, openbsd: openbsdMedia };
const names = Object.keys(media) as (keyof typeof media)[];

test.each(names)(
  "%s: what starts from the ISO installs, turns the machine off, and is a base image",
  async (name) => {
    await using rig = await RecipeRig.create();
    const program = installerProgram("vmbuild-install: done");
    const failure = await rig.build(name, await media[name](rig.dir, program));
    expect(failure, rig.lines.join("\n")).toBe(undefined);
    const profile = await rig.profile(name);
    expect(profile).toContain(`os = "${name === "openbsd" ? "openbsd" : "windows"}"`);
    expect(profile).toMatch(/host-key = "ssh-ed25519 /);
    const disk = join(rig.dir, "store", "base-image", /disk = "(.*)"/.exec(profile)?.[1] ?? "");
    const raw = join(rig.dir, "raw");
    await execa("qemu-img", ["convert", "-f", "qcow2", "-O", "raw", disk, raw]);
    await using file = await open(raw);
    const { buffer } = await file.read(Buffer.alloc(512), 0, 512, 0);
    expect(buffer.equals(program.subarray(0, 512))).toBe(true);
  },
);

test.each(names)("%s: an installation that fails says why", async (name) => {
  await using rig = await RecipeRig.create();
  const program = installerProgram("vmbuild-install: failed: no room");
  const failure = await rig.build(name, await media[name](rig.dir, program));
  expect(failure).toMatchObject({ reason: "recipe-failed", exitCode: 1 });
  expect(rig.lines.at(-1)).toBe(
    "error: the installed system says: vmbuild-install: failed: no room",
  );
});

test("a machine that turns itself off before the end is no installation", async () => {
  await using rig = await RecipeRig.create();
  const iso = await windowsMedia(rig.dir, installerProgram("something else"));
  expect(await rig.build("windows-server-2022", iso)).toMatchObject({ reason: "recipe-failed" });
  expect(rig.lines.slice(-2)).toEqual([
    "  something else",
    "error: the machine turned itself off before the installation was done",
  ]);
});
