import { describe, expect, test } from "vitest";
import {
  elfArch,
  parseOsRelease,
  parsePackages,
  parsePasswd,
  parseVolume,
} from "./parse-system-files.ts";

test("os-release is read as os-release(5) has it", () => {
  const text = `# a comment
NAME="Some \\"Linux\\" \\$5"
VERSION_ID='9.4'
ID=rocky
  EMPTY=
no assignment
`;
  expect(parseOsRelease(text)).toEqual({
    NAME: 'Some "Linux" $5',
    VERSION_ID: "9.4",
    ID: "rocky",
    EMPTY: "",
  });
});

test("accounts are read, and what is none is left out", () => {
  const text = "root:x:0:0:root:/root:/bin/bash\n+::::::\nsync:x:4:65534::/bin:\n";
  expect(parsePasswd(text)).toEqual([
    { name: "root", uid: 0, gid: 0, home: "/root", shell: "/bin/bash" },
    { name: "sync", uid: 4, gid: 65534, home: "/bin", shell: "" },
  ]);
});

describe("packages of", () => {
  test("dpkg, without those of which only configuration is left", () => {
    const text = `Package: zlib1g
Status: install ok installed
Architecture: amd64
Version: 1:1.2.13
Description: compression
 Package: not a field

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: adduser
Status: hold ok installed
Architecture: all
Version: 3.134
`;
    expect(parsePackages("dpkg", text)).toEqual([
      { name: "adduser", version: "3.134", arch: "all" },
      { name: "zlib1g", version: "1:1.2.13", arch: "amd64" },
    ]);
  });

  test("apk", () => {
    const text = "C:Q1abc=\nP:musl\nV:1.2.4-r2\nA:x86_64\n\nC:Q1def=\nP:apk-tools\nV:2.14.0-r5\n\n";
    expect(parsePackages("apk", text)).toEqual([
      { name: "apk-tools", version: "2.14.0-r5" },
      { name: "musl", version: "1.2.4-r2", arch: "x86_64" },
    ]);
  });

  test("pacman", () => {
    const text =
      "%NAME%\nzlib\n\n%VERSION%\n1:1.3-2\n\n%ARCH%\nx86_64\n\n%NAME%\nbash\n\n%VERSION%\n5.2-1\n\n";
    expect(parsePackages("pacman", text)).toEqual([
      { name: "bash", version: "5.2-1" },
      { name: "zlib", version: "1:1.3-2", arch: "x86_64" },
    ]);
  });

  test("rpm, without imported keys", () => {
    const text = "gpg-pubkey\tabc-def\t(none)\nbash\t5.1.8-9.el9\tx86_64\n";
    expect(parsePackages("rpm", text)).toEqual([
      { name: "bash", version: "5.1.8-9.el9", arch: "x86_64" },
    ]);
  });
});

test("a program's processor is told by the head of its file", () => {
  const head = (machine: number, isBigEndian = false): Buffer => {
    const bytes = Buffer.alloc(64);
    bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, isBigEndian ? 2 : 1]);
    if (isBigEndian) bytes.writeUInt16BE(machine, 18);
    else bytes.writeUInt16LE(machine, 18);
    return bytes;
  };
  expect(elfArch(head(62))).toBe("x86_64");
  expect(elfArch(head(183))).toBe("aarch64");
  expect(elfArch(head(22, true))).toBe("s390x");
  expect(elfArch(head(21))).toBe("ppc64le");
  expect(elfArch(Buffer.from("#!/bin/sh\n"))).toBeUndefined();
});

test("a volume's fields are read, also of one that is not mounted", () => {
  expect(parseVolume(["partition 1", "ext4", "u", "", "1000", "/", "4096 100 60 50"])).toEqual({
    place: "partition 1",
    type: "ext4",
    uuid: "u",
    sizeBytes: 1000,
    mounted: { on: "/", totalBytes: 409600, usedBytes: 163840, availableBytes: 204800 },
  });
  expect(parseVolume(["partition 2", "vfat", "76d6-275c", "EFI", "5", "", ""])).toEqual({
    place: "partition 2",
    type: "vfat",
    uuid: "76D6-275C",
    label: "EFI",
    sizeBytes: 5,
  });
});
