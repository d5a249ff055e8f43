import { expect, test } from "vitest";
import { difference, type Fingerprint } from "./fingerprint.ts";

const saved: Fingerprint = {
  qemuVersion: "7.2.22",
  program: "/usr/bin/qemu-system-x86_64 1 2",
  machine: "abc",
  processor: "",
  agent: "def",
};

test("the same fingerprint differs in nothing", () => {
  expect(difference(saved, saved)).toBeUndefined();
  expect(difference(saved, {})).toBeUndefined();
});

test.each<[change: Partial<Fingerprint>, why: string]>([
  [{ program: "/opt/qemu 1 2" }, "QEMU is another one"],
  [{ qemuVersion: "10.0.2" }, "QEMU is 10.0.2, it was 7.2.22"],
  [{ machine: "xyz" }, "memory, CPUs, devices or firmware"],
  [{ processor: "other" }, "another processor"],
  [{ agent: "uvw" }, "another version of vmbuild"],
])("%o is told", (change, why) => {
  expect(difference(saved, { ...saved, ...change })).toContain(why);
});
