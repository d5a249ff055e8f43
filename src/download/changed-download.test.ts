import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { changedDownload } from "./changed-download.ts";

const content = "a download";
const digest = createHash("sha256").update(content).digest("hex");
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-changed-"));
});
afterAll(() => rm(dir, { recursive: true }));

test.each([
  ["has the checksum in its name", `sha256-${digest}`, undefined],
  ["has another one", `sha256-${"0".repeat(64)}`, digest],
  ["has a name without a checksum", "disk.qcow2", "unknown"],
])("a download that %s", async (_, name, changed) => {
  await writeFile(join(dir, name), content);
  expect(await changedDownload(join(dir, name))).toBe(changed);
});
