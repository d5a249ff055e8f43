import { totalmem } from "node:os";
import { expect, test } from "vitest";
import { availableMemoryBytes, parseAvailable } from "./host-memory.ts";

test("is what the kernel says is available", () => {
  const text =
    "MemTotal:       24105436 kB\nMemFree:  1 kB\nMemAvailable:   20094000 kB\nBuffers: 2 kB\n";
  expect(parseAvailable(text)).toBe(20_094_000 * 1024);
  expect(parseAvailable("MemTotal: 24105436 kB\n")).toBeUndefined();
});

test("is some, and not more than there is", () => {
  expect(availableMemoryBytes()).toBeGreaterThan(0);
  expect(availableMemoryBytes()).toBeLessThanOrEqual(totalmem());
});
