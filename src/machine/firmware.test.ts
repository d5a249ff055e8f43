import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findUefi, firmwareDirs, firmwarePackage } from "./firmware.ts";
import { uefiFor } from "./uefi.ts";

let dir: string;
let dirs: readonly [user: string, host: string, vendor: string];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-firmware-"));
  dirs = [join(dir, "user"), join(dir, "host"), join(dir, "vendor")];
  // The user has none at all.
  for (const one of dirs.slice(1)) await mkdir(one);
});
afterEach(() => rm(dir, { recursive: true, force: true }));

interface Descriptor {
  readonly features?: readonly string[];
  readonly machines?: readonly string[];
  readonly architecture?: string;
  readonly mapping?: object;
  readonly interfaces?: readonly string[];
}

/** A descriptor as Debian's ovmf has them, whose code is `/NAME.code`. */
function descriptor(name: string, changes: Descriptor = {}): string {
  const image = (kind: string) => ({ filename: `/${name}.${kind}`, format: "raw" });
  return JSON.stringify({
    description: "UEFI firmware",
    "interface-types": changes.interfaces ?? ["uefi"],
    mapping: changes.mapping ?? {
      device: "flash",
      executable: image("code"),
      "nvram-template": image("vars"),
    },
    targets: [
      {
        architecture: changes.architecture ?? "x86_64",
        machines: changes.machines ?? ["pc-i440fx-*", "pc-q35-*"],
      },
    ],
    features: changes.features ?? ["acpi-s3"],
    tags: [],
  });
}

/** The code of the firmware that is found. */
async function found(request: Partial<Parameters<typeof findUefi>[0]> = {}) {
  const uefi = await findUefi({ arch: "x86_64", machine: "q35", ...request }, dirs);
  return uefi.ok ? uefi.value.code.path : uefi.error.reason;
}

describe("descriptors", () => {
  test("are taken by their names, and one that needs what a plain machine has not is passed by", async () => {
    await writeFile(join(dirs[2], "60-plain.json"), descriptor("plain"));
    await writeFile(join(dirs[2], "70-other.json"), descriptor("other"));
    for (const feature of ["secure-boot", "enrolled-keys", "requires-smm"]) {
      const text = descriptor(feature, { features: ["acpi-s3", feature] });
      await writeFile(join(dirs[2], `40-${feature}.json`), text);
    }
    await writeFile(join(dirs[2], "10-bios.json"), descriptor("b", { interfaces: ["bios"] }));
    await writeFile(join(dirs[2], "20-notes.txt"), descriptor("notes"));
    expect(await found()).toBe("/plain.code");
    expect(await found({ codePath: "/other.code" })).toBe("/other.code");
    expect(await found({ codePath: "/none.code" })).toBe("firmware-missing");
  });

  test("of an administrator hide those of the same name, and take them away when empty", async () => {
    await writeFile(join(dirs[2], "50-a.json"), descriptor("vendor"));
    await writeFile(join(dirs[2], "60-b.json"), descriptor("next"));
    await writeFile(join(dirs[1], "50-a.json"), descriptor("admin"));
    expect(await found()).toBe("/admin.code");
    await writeFile(join(dirs[1], "50-a.json"), "");
    expect(await found()).toBe("/next.code");
  });

  test.each<[machine: string, arch: "x86_64" | "aarch64", fits: boolean]>([
    ["q35", "x86_64", true],
    ["pc", "x86_64", true],
    ["q35,smm=on", "x86_64", true],
    ["pc-q35-7.2", "x86_64", true],
    ["microvm", "x86_64", false],
    ["virt", "aarch64", false],
    ["q35", "aarch64", false],
  ])("are for certain machines: %s of %s", async (machine, arch, fits) => {
    await writeFile(join(dirs[2], "50.json"), descriptor("one"));
    expect(await found({ machine, arch })).toBe(fits ? "/one.code" : "firmware-missing");
  });

  test.each<[what: string, text: string]>([
    ["no JSON", "{"],
    ["a list", "[]"],
    ["no mapping", "{}"],
    ["one that -bios loads", descriptor("m", { mapping: { device: "memory", filename: "/m" } })],
    [
      "one that writes to its code",
      descriptor("m", {
        mapping: {
          device: "flash",
          mode: "combined",
          executable: { filename: "/m", format: "raw" },
        },
      }),
    ],
    [
      "a relative path",
      descriptor("m", {
        mapping: {
          device: "flash",
          executable: { filename: "m", format: "raw" },
          "nvram-template": { filename: "/m", format: "raw" },
        },
      }),
    ],
  ])("that are %s are passed by", async (_, text) => {
    await writeFile(join(dirs[2], "50.json"), text);
    await writeFile(join(dirs[2], "60.json"), descriptor("good"));
    expect(await found()).toBe("/good.code");
  });

  test("may be of a firmware without variables", async () => {
    const executable = { filename: "/s.code", format: "qcow2" };
    const mapping = { device: "flash", mode: "stateless", executable };
    await writeFile(join(dirs[2], "50.json"), descriptor("s", { mapping }));
    expect(await findUefi({ arch: "x86_64", machine: "q35" }, dirs)).toMatchObject({
      ok: true,
      value: { code: { path: "/s.code", format: "qcow2" } },
    });
  });
});

test("descriptors are looked for where QEMU's specification says", () => {
  expect(firmwareDirs({ HOME: "/home/a" })[0]).toBe("/home/a/.config/qemu/firmware");
  expect(firmwareDirs({ HOME: "/home/a", XDG_CONFIG_HOME: "/c" })).toEqual([
    "/c/qemu/firmware",
    "/etc/qemu/firmware",
    "/usr/local/share/qemu/firmware",
    "/usr/share/qemu/firmware",
  ]);
});

describe("UEFI for a machine", () => {
  /** Puts a firmware's files and its descriptor there. */
  async function install(): Promise<{ readonly code: string; readonly vars: string }> {
    const [code, vars] = [join(dir, "code.fd"), join(dir, "vars.fd")];
    await writeFile(code, "code");
    await writeFile(vars, Buffer.concat([Buffer.alloc(3 * 2 ** 20), Buffer.from("variables")]));
    await truncate(vars, 64 * 2 ** 20);
    const mapping = {
      device: "flash",
      executable: { filename: code, format: "raw" },
      "nvram-template": { filename: vars, format: "raw" },
    };
    const text = descriptor("x", { mapping, architecture: "aarch64", machines: ["virt-*"] });
    await writeFile(join(dirs[2], "50.json"), text);
    return { code, vars };
  }
  const request = (more: object = {}) => ({
    arch: "aarch64" as const,
    machine: "virt",
    dir: join(dir, "work"),
    descriptorDirs: dirs,
    ...more,
  });
  beforeEach(() => mkdir(join(dir, "work")));

  test("has variables of its own, which take no more room than what is in them", async () => {
    const { code, vars } = await install();
    const path = join(dir, "work", "uefi-variables.fd");
    expect(await uefiFor(request())).toEqual({
      ok: true,
      value: {
        kind: "uefi",
        codePath: code,
        codeFormat: "raw",
        variables: { path, format: "raw" },
      },
    });
    expect((await readFile(path)).equals(await readFile(vars))).toBe(true);
    const { mode, blocks } = await stat(path);
    expect(mode & 0o777).toBe(0o600);
    expect(blocks * 512).toBeLessThan(2 * 2 ** 20);
  });

  test("that is named by its code has the variables that go with it", async () => {
    const { code } = await install();
    expect(await uefiFor(request({ codePath: code }))).toHaveProperty("value.variables");
    await writeFile(join(dir, "own.fd"), "code");
    expect(await uefiFor(request({ codePath: join(dir, "own.fd") }))).toEqual({
      ok: true,
      value: { kind: "uefi", codePath: join(dir, "own.fd"), codeFormat: "raw" },
    });
  });

  test("that is not installed names its package", async () => {
    const missing = { reason: "firmware-missing", debianPackage: "qemu-efi-aarch64" };
    expect(await uefiFor(request())).toMatchObject({ ok: false, error: missing });
    expect(firmwarePackage("x86_64")).toBe("ovmf");
  });

  test("whose files are gone says which", async () => {
    const { code, vars } = await install();
    await rm(vars);
    const unusable = { reason: "firmware-unusable", path: vars };
    expect(await uefiFor(request())).toMatchObject({ ok: false, error: unusable });
    await rm(code);
    expect(await uefiFor(request())).toMatchObject({ ok: false, error: { path: code } });
    const named = await uefiFor(request({ codePath: "/no/such.fd" }));
    expect(named).toMatchObject({ ok: false, error: { path: "/no/such.fd" } });
    expect(await readdir(join(dir, "work"))).toEqual([]);
  });
});
