import { expect, test } from "vitest";
import { formatDurationMs, parseDurationMs } from "./duration.ts";

test.each([
  ["30", 30_000],
  ["0.5", 500],
  ["0", 0],
  ["500ms", 500],
  ["30s", 30_000],
  ["5m", 300_000],
  ["1h30m", 5_400_000],
  ["1.5h", 5_400_000],
  ["2d", 172_800_000],
  ["1d2h3m4s5ms", 93_784_005],
  ["1h5ms", 3_600_005],
  ["0.0004s", 0],
])("%s is %d ms", (text, ms) => {
  expect(parseDurationMs(text)).toBe(ms);
});

test.each([
  "",
  "s",
  "5x",
  "-5s",
  "+5",
  "5 s",
  " 5",
  "1m1h",
  "1s1s",
  "5S",
  ".5s",
  "5.s",
  "1e3",
  "NaN",
  "9".repeat(20),
])("%j is no duration", (text) => {
  expect(parseDurationMs(text)).toBeUndefined();
});

test.each([
  [0, "0s"],
  [1, "1ms"],
  [90_000, "1m30s"],
  [86_400_000, "1d"],
  [93_784_005, "1d2h3m4s5ms"],
])("%d ms are written %s, which reads as them", (ms, text) => {
  expect(formatDurationMs(ms)).toBe(text);
  expect(parseDurationMs(text)).toBe(ms);
});
