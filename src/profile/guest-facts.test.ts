import { describe, expect, test } from "vitest";
import { defaultProfile } from "./default-profile.ts";
import { type BootDigests, guestFacts } from "./guest-facts.ts";
import { initialContext } from "./initial-context.ts";
import type { Profile } from "./profile.ts";

const linux = defaultProfile("linux", "x86_64");
const uefi = (codePath: string): Profile => ({
  ...linux,
  boot: { kind: "firmware", firmware: { kind: "uefi", codePath } },
});
const direct: Profile = {
  ...linux,
  boot: { kind: "kernel", kernel: "/k", initrd: "/i", append: "quiet" },
};
const digests: BootDigests = { kernelDigest: "k", initrdDigest: "i" };

describe("guestFacts", () => {
  test("of a disk with a BIOS boot", () => {
    expect(guestFacts(linux, {})).toEqual({
      os: "linux",
      arch: "x86_64",
      machine: "pc",
      diskBus: "virtio",
      boot: { kind: "firmware", firmware: "bios" },
      loginUser: "root",
    });
  });

  test("files are known by their content only", () => {
    expect(guestFacts(direct, digests).boot).toEqual({
      kind: "kernel",
      kernelDigest: "k",
      initrdDigest: "i",
      append: "quiet",
    });
    expect(guestFacts(uefi("/a"), {})).toEqual(guestFacts(uefi("/b"), {}));
    expect(guestFacts(uefi("/a"), { firmwareDigest: "f" }).boot).toEqual({
      kind: "firmware",
      firmware: "uefi",
      digest: "f",
    });
    expect(guestFacts(linux, { firmwareDigest: "f" })).toEqual(guestFacts(linux, {}));
  });

  test.each<[string, Profile, BootDigests]>([
    ["os", { ...direct, os: "freebsd" }, digests],
    ["arch", { ...direct, arch: "aarch64" }, digests],
    ["machine", { ...direct, machine: "q35" }, digests],
    ["disk bus", { ...direct, diskBus: "scsi" }, digests],
    ["login user", { ...direct, login: { ...direct.login, user: "me" } }, digests],
    ["kernel", direct, { ...digests, kernelDigest: "other" }],
    ["initrd", direct, { ...digests, initrdDigest: "other" }],
    ["no initrd", { ...direct, boot: { kind: "kernel", kernel: "/k", append: "quiet" } }, digests],
    [
      "command line",
      { ...direct, boot: { kind: "kernel", kernel: "/k", initrd: "/i", append: "" } },
      digests,
    ],
    ["firmware", linux, {}],
  ])("change with %s", (_, profile, changed) => {
    expect(guestFacts(profile, changed)).not.toEqual(guestFacts(direct, digests));
  });

  test.each<[string, Partial<Profile>]>([
    ["memory", { memoryBytes: 1 }],
    ["cpus", { cpus: 1 }],
    ["boot time", { bootTimeoutMs: 1 }],
    ["power-off time", { powerOffTimeoutMs: 1 }],
    ["disk size, which `from` has of its own", { diskSizeBytes: 1 }],
    ["env", { env: { A: "b" } }],
    ["user", { user: { kind: "login" } }],
    ["shell", { shell: ["sh"] }],
    [
      "how the login user is reached",
      {
        login: {
          user: "root",
          port: 2222,
          identity: { kind: "user" },
          hostKey: "ssh-ed25519 A",
          become: "sudo",
        },
      },
    ],
    [
      "where the kernel is",
      { boot: { kind: "kernel", kernel: "/x", initrd: "/y", append: "quiet" } },
    ],
  ])("do not change with %s", (_, changes) => {
    expect(guestFacts({ ...direct, ...changes }, digests)).toEqual(guestFacts(direct, digests));
  });

  test("a digest that is missing is a bug", () => {
    expect(() => guestFacts(direct, { initrdDigest: "i" })).toThrow("Internal error");
    expect(() => guestFacts(direct, { kernelDigest: "k" })).toThrow("Internal error");
  });
});

test("the initial context is the profile's, with sorted variables", () => {
  const env = { PATH: "/bin", A: "1", a: "2" };
  expect(initialContext({ ...linux, env })).toEqual({
    workdir: "/",
    env: [
      ["A", "1"],
      ["PATH", "/bin"],
      ["a", "2"],
    ],
    user: { kind: "unix", uid: 0, gid: 0 },
    shell: ["/bin/bash", "-c"],
  });
  const windows = initialContext(defaultProfile("windows", "x86_64"));
  expect(windows).toMatchObject({ workdir: "C:\\", user: { kind: "login" } });
});
