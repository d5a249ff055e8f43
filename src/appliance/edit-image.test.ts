import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";
import { BuildRig } from "../../test/support/build-rig.ts";
import { obedientSandbox } from "../../test/support/scripted-sandbox.ts";
import { defaultProfile } from "../profile/default-profile.ts";
import { ok, type Result } from "../result.ts";
import type { LentGuest, Sandbox } from "../sandbox/sandbox.ts";
import { editImage } from "./edit-image.ts";
import type { EditReport } from "./edit-report.ts";
import type { EditFailure } from "./failure.ts";

const found = "system\tpartition 1\tDebian\0done\0";

let rig: BuildRig;
let dir: string;
let image: string;

beforeEach(async () => {
  rig = await BuildRig.create();
  await rig.putBase("busybox");
  dir = await mkdtemp(join(tmpdir(), "vmbuild-edit-"));
  image = join(dir, "disk.img");
  await writeFile(image, "image");
  await truncate(image, 1 << 20);
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
  await rig[Symbol.asyncDispose]();
});

interface Answer {
  readonly code?: number;
  readonly stdout?: string;
  /** Done in the guest, after it has written to the disk. */
  readonly meanwhile?: () => void | Promise<void>;
}

/** An appliance that writes an `A` over the disk's first 64 KiB and answers as it is told. */
function appliance({ code = 0, stdout = found, meanwhile }: Answer): Sandbox {
  return {
    ...obedientSandbox(),
    async lend<T>(_job: unknown, _hooks: unknown, use: (guest: LentGuest) => Promise<T>) {
      let path = "";
      const hotPlug: LentGuest["hotPlug"] = {
        plug: async (disk) => {
          path = disk.path;
          return ok({ lun: 0, unplug: async () => ok() });
        },
      };
      const session: LentGuest["session"] = {
        longestCommand: 0,
        async exec({ onStdout }) {
          await execa("qemu-io", ["-f", "qcow2", "-c", "write -P 0x41 0 64k", path]);
          await meanwhile?.();
          await onStdout?.(Buffer.from(stdout));
          return ok({ kind: "exited", code });
        },
      };
      const profile = defaultProfile("linux", "x86_64");
      return ok(await use({ session, profile, hotPlug }));
    },
  };
}

function edit(
  answer: Answer,
  { diskPath = image, signal = new AbortController().signal } = {},
): Promise<Result<EditReport, EditFailure>> {
  const env = rig.environment(appliance(answer));
  return editImage({ env, diskPath, script: "true", signal });
}

/** What the image begins with, and what lies beside it. */
async function state(): Promise<string> {
  const [content, names] = [await readFile(image), (await readdir(dir)).sort()];
  return `${content.subarray(0, 5).toString()} ${content.length} ${names.join(",")}`;
}

const untouched = `image ${1 << 20} disk.img`;

test.each(["raw", "qcow2"])("what was done is in the image afterwards: %s", async (format) => {
  await execa("qemu-img", ["convert", "-f", "raw", "-O", format, image, join(dir, "new")]);
  await execa("mv", [join(dir, "new"), image]);
  expect(await edit({})).toMatchObject({ ok: true, value: { systems: [{ name: "Debian" }] } });
  expect(await readdir(dir)).toEqual(["disk.img"]);
  await execa("qemu-img", ["convert", "-f", format, "-O", "raw", image, join(dir, "raw")]);
  const content = await readFile(join(dir, "raw"));
  expect(content.subarray(0, 1 << 16).equals(Buffer.alloc(1 << 16, "A"))).toBe(true);
  expect(content.subarray(1 << 16).equals(Buffer.alloc(content.length - (1 << 16)))).toBe(true);
});

test("a symlink is followed and stays one", async () => {
  await mkdir(join(dir, "links"));
  await symlink("../disk.img", join(dir, "links", "a"));
  expect((await edit({}, { diskPath: join(dir, "links", "a") })).ok).toBe(true);
  expect(await state()).toBe(`AAAAA ${1 << 20} disk.img,links`);
  expect(await readdir(join(dir, "links"))).toEqual(["a"]);
});

test.each<[string, Answer, object]>([
  [
    "what the appliance says it failed at",
    { code: 1, stdout: "system\tpartition 1\tDebian\0failed\tit is full\0" },
    { reason: "edit-failed", message: "it is full" },
  ],
  [
    "no system",
    { code: 1, stdout: "volume\tpartition 1\tswap\0" },
    { reason: "no-system", volumes: ["partition 1: swap"] },
  ],
  [
    "two systems",
    { code: 1, stdout: "system\tpartition 1\tA\0system\tpartition 2\t\0" },
    { reason: "several-systems", systems: ["partition 1: A", "partition 2: without a name"] },
  ],
  ["a disk that does not show", { code: 70, stdout: "" }, { reason: "edit-failed" }],
])("%s changes nothing and leaves nothing", async (_, answer, error) => {
  expect(await edit(answer)).toMatchObject({ ok: false, error });
  expect(await state()).toBe(untouched);
});

test("a cancelled edit changes nothing and leaves nothing", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const meanwhile = () => controller.abort();
  expect(await edit({ meanwhile }, { signal })).toMatchObject({ error: { reason: "cancelled" } });
  expect(await state()).toBe(untouched);
});

test("an image that somebody else has written to is not written over", async () => {
  const meanwhile = () => writeFile(image, Buffer.alloc(1 << 20, "other"));
  expect(await edit({ meanwhile })).toMatchObject({
    error: { reason: "edit-failed", message: "somebody else has written to it" },
  });
  expect(await state()).toBe(`other ${1 << 20} disk.img`);
});

test("an edit that was cut short is told, and can be finished as told", async () => {
  const overlayPath = join(dir, `.vmbuild-edit-of-${(await stat(image)).ino}`);
  await execa("qemu-img", ["create", "-q", "-f", "qcow2", "-F", "raw", "-b", image, overlayPath]);
  await execa("qemu-io", ["-f", "qcow2", "-c", "write -P 0x42 0 64k", overlayPath]);
  expect(await edit({})).toMatchObject({ error: { reason: "edit-unfinished", overlayPath } });
  await execa("qemu-img", ["commit", "-d", "-f", "qcow2", overlayPath]);
  await rm(overlayPath);
  expect((await edit({})).ok).toBe(true);
  expect(await state()).toBe(`AAAAA ${1 << 20} disk.img`);
});

test.each([
  ["an empty file", "", "it is empty"],
  ["half a sector", "x".repeat(100), "not a whole number of sectors"],
  ["another format", "KDMV".padEnd(512, "x"), "it is a VMDK image"],
])("%s is refused", async (_, content, message) => {
  await writeFile(image, content);
  expect(await edit({})).toMatchObject({
    error: { reason: "image-unusable", path: image, message: expect.stringContaining(message) },
  });
});

test("without its base image there is no appliance, and the image stays as it is", async () => {
  await rm(join(rig.store.root, "base-image", "busybox.img"));
  expect(await edit({})).toMatchObject({ error: { reason: "base-missing", name: "busybox" } });
  expect(await state()).toBe(untouched);
});
