import { expect, test } from "vitest";
import { parseReport } from "./edit-report.ts";

test("records are told apart", () => {
  const records = [
    "volume\tpartition 1\tvfat",
    "system\tpartition 2\tDebian",
    "volume\tpartition 2\text4",
    "replayed\tpartition 2",
    "note\t/boot is elsewhere",
    "untrimmed\t/boot/efi",
    "tmp-files\tremoved\t/tmp/a\tb",
    "exit\t3",
    "impossible",
    "done",
  ];
  expect(parseReport(records)).toEqual({
    systems: [{ place: "partition 2", name: "Debian" }],
    volumes: ["partition 1: vfat", "partition 2: ext4"],
    replayed: ["partition 2"],
    notes: ["/boot is elsewhere", "the free space of /boot/efi could not be trimmed"],
    records: [["tmp-files", "removed", "/tmp/a", "b"]],
    exitStatus: 3,
    isImpossible: true,
  });
});

test("nothing of an image reaches a terminal as it is", () => {
  const { systems, failed } = parseReport(["system\tpartition 1\t\u001b[2JX", "failed\tone\ntwo"]);
  expect(systems).toEqual([{ place: "partition 1", name: "\ufffd[2JX" }]);
  expect(failed).toBe("one; two");
});
