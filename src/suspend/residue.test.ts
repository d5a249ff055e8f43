import { describe, expect, test } from "vitest";
import type { ExecRequest, Session } from "../machine/session.ts";
import { ok } from "../result.ts";
import { readFacts } from "./facts.ts";
import { compareResidue } from "./residue.ts";

const booted = `/proc/self/mountinfo:22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
/proc/self/mountinfo:25 22 0:21 / /run rw,nosuid - tmpfs run rw,mode=755
/proc/modules:virtio_net 73728 0 - Live 0xffffffffc0000000
/proc/sys/vm/swappiness:60
/proc/sys/kernel/ns_last_pid:120
/proc/1/stat:1 (init) S 0 1 1 0 -1 4194560 1
/proc/9/stat:9 (kworker/0:1) I 2 0 0 0 -1 69238880 0
tmpfs:41ed 120 1700000000 1 /run
tmpfs:81a4 4 1700000000 7 /run/sshd.conf
tmpfs:81a4 900 1700000000 8 /run/utmp
boot:81a4 30 1700000000 77 /etc/fstab
`;

/** A guest that answers with `text`. */
function guest(text: string): Session {
  return {
    longestCommand: 4096,
    async exec({ onStdout }: ExecRequest) {
      await onStdout?.(Buffer.from(text));
      return ok({ kind: "exited", code: 0 });
    },
  };
}

async function facts(text: string, baseline = ""): Promise<string> {
  const read = await readFacts(guest(text), new AbortController().signal, { baseline });
  if (!read.ok) throw new Error("the guest did not answer");
  return read.value;
}

async function residueOf(change: (text: string) => string) {
  return compareResidue(await facts(booted), await facts(change(booted)));
}

test("a machine in which nothing happened has none", async () => {
  const residue = await residueOf((text) =>
    text
      .replace("22 1 254:0", "22 1 254:0")
      .replace("shared:1", "shared:1 master:2")
      .replace("ns_last_pid:120", "ns_last_pid:150")
      .replace("/proc/9/stat:9 (kworker/0:1)", "/proc/31/stat:31 (kworker/u2:0)")
      .replace("900 1700000000 8 /run/utmp", "1300 1700000009 8 /run/utmp"),
  );
  expect(residue).toMatchObject({ newFiles: [], changes: [] });
});

test("a process that is dead is none", async () => {
  const residue = await residueOf(
    (text) => `${text}/proc/77/stat:77 (sleep) Z 1 1 1 0 -1 4194560 1\n`,
  );
  expect(residue.changes).toEqual([]);
});

describe("settings that were not written to", () => {
  const counted = `writes:4\n${booted}`;
  const unread = counted.replace(/.*swappiness.*\n/, "settings:unread\n");

  test("are as they were", async () => {
    const baseline = await facts(counted);
    expect(baseline).toContain("swappiness=60");
    expect(compareResidue(baseline, await facts(unread, baseline)).changes).toEqual([]);
  });

  test("are missed when the guest says nothing of them", async () => {
    const baseline = await facts(counted);
    const silent = await facts(counted.replace(/.*swappiness.*\n/, ""), baseline);
    expect(compareResidue(baseline, silent).changes).toEqual(["the kernel setting vm/swappiness"]);
  });

  test("are read when any was, and only a difference counts", async () => {
    const baseline = await facts(counted);
    const written = counted.replace("writes:4", "writes:6");
    const same = compareResidue(baseline, await facts(written, baseline));
    expect(same.changes).toEqual([]);
    const next = await facts(unread.replace("writes:4", "writes:6"), same.baseline);
    expect(compareResidue(same.baseline, next).changes).toEqual([]);
    const other = await facts(written.replace("swappiness:60", "swappiness:1"), baseline);
    expect(compareResidue(baseline, other).changes).toEqual(["the kernel setting vm/swappiness"]);
  });
});

test("files that are new on a tmpfs can be taken away", async () => {
  const residue = await residueOf(
    (text) =>
      `${text}tmpfs:81a4 3 1700000009 30 /dev/shm/a b\ntmpfs:41ed 3 1700000009 31 /run/new\n`,
  );
  expect(residue).toMatchObject({
    newFiles: expect.arrayContaining(["/dev/shm/a b", "/run/new"]),
    changes: [],
  });
});

describe("what cannot be undone", () => {
  test.each<[what: string, change: (text: string) => string, told: string]>([
    [
      "a mount",
      (text) => `${text}/proc/self/mountinfo:40 22 0:30 / /mnt rw - tmpfs none rw\n`,
      "the mount /mnt",
    ],
    ["a mount that is gone", (text) => text.replace(/.*\/run rw.*\n/, ""), "the mount /run"],
    [
      "a kernel setting",
      (text) => text.replace("swappiness:60", "swappiness:1"),
      "the kernel setting vm/swappiness",
    ],
    [
      "a process",
      (text) => `${text}/proc/77/stat:77 (my (odd) one) S 1 1 1 0 -1 4194560 1\n`,
      "the process my (odd) one",
    ],
    [
      "a service",
      (text) => `${text}group:/sys/fs/cgroup/system.slice/nginx.service\n`,
      "the service nginx.service",
    ],
    [
      "a file that was changed",
      (text) => text.replace("4 1700000000 7 /run/sshd.conf", "9 1700000009 7 /run/sshd.conf"),
      "the file /run/sshd.conf",
    ],
    [
      "a file that a boot applies",
      (text) => text.replace("30 1700000000 77 /etc/fstab", "41 1700000009 78 /etc/fstab"),
      "/etc/fstab, which a boot or a login applies",
    ],
    [
      "a group of root",
      (text) => `${text}/etc/group:docker:x:999:builder,root\n/etc/group:other:x:998:builder\n`,
      "root's account or groups, which a login applies",
    ],
    [
      "a kernel module",
      (text) => `${text}/proc/modules:nf_tables 300000 0 - Live 0x0\n`,
      "the kernel module nf_tables",
    ],
  ])("%s", async (_, change, told) => {
    const { changes } = await residueOf(change);
    expect(changes).toContain(told);
  });
});

test("a step's own group and a login's session are no services", async () => {
  const residue = await residueOf(
    (text) =>
      `${text}group:/sys/fs/cgroup/vmbuild-job/x\ngroup:/sys/fs/cgroup/user.slice/user-0.slice\n`,
  );
  expect(residue.changes).toEqual([]);
});
