import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";
import { generateHostKey } from "./host-key.ts";

test("all forms of a host key are of one key", async () => {
  const key = generateHostKey();
  const blob = Buffer.from(key.publicKey.split(" ")[1] ?? "", "base64");
  // Name (4 + 11 bytes), length, 32 bytes of key.
  expect(blob.length).toBe(4 + 11 + 4 + 32);
  expect(key.dropbear.length).toBe(4 + 11 + 4 + 64);
  expect(key.dropbear.subarray(-32)).toEqual(blob.subarray(-32));

  const dir = await mkdtemp(join(tmpdir(), "host-key-"));
  const file = join(dir, "key");
  await writeFile(file, key.openssh, { mode: 0o600 });
  await chmod(file, 0o600);
  const { stdout } = await execa("ssh-keygen", ["-y", "-f", file]);
  await rm(dir, { recursive: true });
  expect(stdout.trim()).toBe(key.publicKey);
});

test("no two host keys are the same", () => {
  expect(generateHostKey().publicKey).not.toBe(generateHostKey().publicKey);
});
