import { describe, expect, test } from "vitest";
import { exactByteSize, formatByteSize, parseByteSize } from "./byte-size.ts";

describe("parseByteSize", () => {
  test.each([
    ["0", 0],
    ["1048576", 1_048_576],
    ["512B", 512],
    ["1K", 1024],
    ["512M", 536_870_912],
    ["1.5G", 1_610_612_736],
    ["16GiB", 17_179_869_184],
    ["16 GiB", 17_179_869_184],
    ["2t", 2_199_023_255_552],
    ["1P", 1_125_899_906_842_624],
    ["0.3K", 307],
  ])("%j is %i", (text, bytes) => {
    expect(parseByteSize(text)).toBe(bytes);
  });

  test.each([
    "",
    "G",
    "1.5",
    "1,5G",
    "-1G",
    "+1G",
    "1e3",
    "16GB",
    "16Gi",
    "1G ",
    "1  G",
    ".5G",
    "5.G",
    "0x10",
    "9000P",
    "lots",
  ])("%j is no size", (text) => {
    expect(parseByteSize(text)).toBeUndefined();
  });
});

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1 KiB"],
  [1536, "1.5 KiB"],
  [1_048_500, "1023.9 KiB"],
  [1_048_575, "1 MiB"],
  [4_718_592, "4.5 MiB"],
  [26_843_545_600, "25 GiB"],
  [2 ** 53 - 1, "8 PiB"],
])("formatByteSize(%i) is %j", (bytes, text) => {
  expect(formatByteSize(bytes)).toBe(text);
});

test.each([
  [0, "0"],
  [1000, "1000"],
  [1024, "1K"],
  [1_610_612_736, "1536M"],
  [2_147_483_648, "2G"],
  [2_147_483_649, "2147483649"],
  [1024 ** 5, "1P"],
])("exactByteSize(%i) is %j, which reads back", (bytes, text) => {
  expect(exactByteSize(bytes)).toBe(text);
  expect(parseByteSize(text)).toBe(bytes);
});
