import { describe, expect, test } from "vitest";
import { defaultProfile, obuilderDefaults } from "./default-profile.ts";
import { type ParsedProfile, parseProfile } from "./parse-profile.ts";
import { profileToToml } from "./profile-to-toml.ts";

const file = "/store/base-image/debian.toml";
const linux = defaultProfile("linux", "x86_64");

const full: ParsedProfile = {
  ...defaultProfile("openbsd", "aarch64"),
  boot: {
    kind: "kernel",
    kernel: "/store/base-image/debian/vmlinuz",
    initrd: "/boot/initrd",
    append: 'quiet "x y" \\ \u007F\t',
  },
  login: {
    user: "bob",
    port: 2200,
    identity: { kind: "file", path: "/store/base-image/store" },
    hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI",
    become: "doas",
  },
  user: { kind: "name", name: "_build" },
  env: { PATH: "/bin:/usr/bin", "odd name": "a\nb", A: "", "\u00FC": "\u{1F600}" },
  memoryBytes: 1_500_000_000,
  bootTimeoutMs: 90_500,
  bootMode: "cold",
  diskSizeBytes: 20 * 1024 ** 3,
  disk: "/store/base-image/disk.raw",
};

describe("profileToToml", () => {
  test("writes everything, relative where it can be", () => {
    expect(profileToToml(full, file)).toMatchInlineSnapshot(`
      "os = "openbsd"
      arch = "aarch64"
      machine = "virt"
      kernel = "./debian/vmlinuz"
      initrd = "/boot/initrd"
      append = "quiet \\"x y\\" \\\\ \\u007F\\t"
      disk-bus = "virtio"
      disk = "./disk.raw"
      disk-size = "20G"
      user = { name = "_build" }
      shell = ["/bin/sh", "-c"]
      memory = "1500000000"
      cpus = 2
      boot-timeout = "1m30s500ms"
      power-off-timeout = "30s"
      bulk-transport = "stream"
      boot = "cold"

      [login]
      user = "bob"
      port = 2200
      identity = "./store"
      host-key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"
      become = "doas"

      [env]
      A = ""
      PATH = "/bin:/usr/bin"
      "odd name" = "a\\nb"
      "ü" = "😀"
      "
    `);
  });

  test.each<[string, ParsedProfile]>([
    ["the defaults", linux],
    ["the defaults for aarch64", defaultProfile("linux", "aarch64")],
    ["the defaults for Windows", defaultProfile("windows", "x86_64")],
    ["a bare image's", obuilderDefaults()],
    ["everything", full],
    ["a user by ids", { ...linux, user: { kind: "unix", uid: 1000, gid: 100 } }],
    ["a disk outside", { ...linux, disk: "/elsewhere/disk.qcow2" }],
    ["a disk in the folder above", { ...linux, disk: "/store/disk.qcow2" }],
    [
      "UEFI code of its own",
      {
        ...linux,
        boot: { kind: "firmware", firmware: { kind: "uefi", codePath: "/store/base-image/uefi" } },
      },
    ],
    [
      "UEFI code of the host",
      {
        ...linux,
        boot: {
          kind: "firmware",
          firmware: { kind: "uefi", codePath: "/usr/share/OVMF/OVMF_CODE_4M.fd" },
        },
      },
    ],
  ])("is read back as it was: %s", (_, profile) => {
    expect(parseProfile({ text: profileToToml(profile, file), file })).toEqual({
      ok: true,
      value: profile,
    });
  });

  test("a folder can be moved with its profile and files", () => {
    const moved = parseProfile({ text: profileToToml(full, file), file: "/new/debian.toml" });
    expect(moved).toMatchObject({
      value: {
        disk: "/new/disk.raw",
        boot: { kernel: "/new/debian/vmlinuz", initrd: "/boot/initrd" },
      },
    });
  });
});
