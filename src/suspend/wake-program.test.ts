import { spawnSync } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { wakeInput, wakeProgram } from "./wake-program.ts";

test.runIf(process.arch === "x64")("is a program that refuses too little input", async () => {
  const dir = await mkdtemp(join(tmpdir(), "vmbuild-wake-"));
  try {
    const path = join(dir, "wake");
    await writeFile(path, wakeProgram("x86_64") as Buffer);
    await chmod(path, 0o700);
    // What it does with enough input would set this host's clock; the tests on a guest show it.
    const ran = spawnSync(path, { input: Buffer.alloc(79) });
    expect(ran).toMatchObject({ status: 1, signal: null });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});

test("tells the time as a struct timespec behind the random bytes", () => {
  const random = Buffer.alloc(64, 7);
  const input = wakeInput(random, 1_700_000_000_250);
  expect(input.subarray(0, 64).equals(random)).toBe(true);
  expect(input.readBigInt64LE(64)).toBe(1_700_000_000n);
  expect(input.readBigInt64LE(72)).toBe(250_000_000n);
  expect(input.length).toBe(80);
});
