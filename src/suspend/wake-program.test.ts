import { spawnSync } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { wakeInput, wakeProgram } from "./wake-program.ts";

describe.each([
  ["x86_64", "x64", 62],
  ["aarch64", "arm64", 183],
] as const)("for %s", (arch, host, machine) => {
  test("is a program that refuses too little input", async ({ skip }) => {
    skip(process.arch !== host, "only such a host runs it; the tests on a guest do elsewhere");
    const dir = await mkdtemp(join(tmpdir(), "vmbuild-wake-"));
    try {
      const path = join(dir, "wake");
      await writeFile(path, wakeProgram(arch));
      await chmod(path, 0o700);
      // What it does with enough input would set this host's clock; the tests on a guest show it.
      const ran = spawnSync(path, { input: Buffer.alloc(79) });
      expect(ran).toMatchObject({ status: 1, signal: null });
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });

  test("is an ELF file with room for its input behind it", () => {
    const program = wakeProgram(arch);
    expect(program.readUInt16LE(18)).toBe(machine);
    expect(program.readBigUInt64LE(104) - program.readBigUInt64LE(96)).toBe(80n);
    // The entropy's bits and bytes (`struct rand_pool_info`) come right before the random bytes.
    expect(program.subarray(-8)).toEqual(Buffer.from("0002000040000000", "hex"));
    expect(program.includes("/dev/urandom\0")).toBe(true);
  });
});

test("tells the time as a struct timespec behind the random bytes", () => {
  const random = Buffer.alloc(64, 7);
  const input = wakeInput(random, 1_700_000_000_250);
  expect(input.subarray(0, 64).equals(random)).toBe(true);
  expect(input.readBigInt64LE(64)).toBe(1_700_000_000n);
  expect(input.readBigInt64LE(72)).toBe(250_000_000n);
  expect(input.length).toBe(80);
});
