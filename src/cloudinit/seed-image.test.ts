import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";
import { seedFiles } from "./seed-files.ts";
import { seedImage } from "./seed-image.ts";

const bytes = (text: string) => Buffer.from(text);
const content = {
  userData: bytes("#cloud-config\n{}\n"),
  vendorData: bytes(""),
  metaData: bytes(`instance-id: one\n# ${"long ".repeat(1000)}\n`),
  networkConfig: bytes("version: 2\n"),
};

test("the image is the same for the same files, in whatever order", () => {
  const files = seedFiles(content);
  expect(seedImage(files.toReversed()).equals(seedImage(files))).toBe(true);
  expect(seedImage(files).length % 2048).toBe(0);
});

test.each([
  ["Rock Ridge", "nojoliet"],
  ["Joliet", "norock"],
])("another program finds the files by %s", async (_, names) => {
  const dir = await mkdtemp(join(tmpdir(), "vmbuild-seed-"));
  try {
    const image = join(dir, "seed.iso");
    await writeFile(image, seedImage(seedFiles(content)));
    const { stdout, stderr } = await execa("xorriso", [
      "-read_fs",
      names,
      "-indev",
      `stdio:${image}`,
      "-osirrox",
      "on",
      "-extract",
      "/",
      join(dir, "out"),
      "-pvd_info",
    ]);
    expect(stdout + stderr).toMatch(/Volume Id\s*: cidata/i);
    expect(stdout + stderr).not.toMatch(/SORRY|FAILURE|WARNING/);
    expect((await readdir(join(dir, "out"))).sort()).toEqual([
      "meta-data",
      "network-config",
      "user-data",
      "vendor-data",
    ]);
    for (const { name, content: expected } of seedFiles(content)) {
      expect((await readFile(join(dir, "out", name))).equals(expected)).toBe(true);
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});

test("an instance-id of our own is another for any other content", () => {
  const idOf = (userData: string, networkConfig?: string) =>
    Buffer.from(
      seedFiles({
        userData: bytes(userData),
        ...(networkConfig === undefined ? {} : { networkConfig: bytes(networkConfig) }),
      }).find(({ name }) => name === "meta-data")?.content ?? [],
    ).toString();
  expect(idOf("a")).toMatch(/^instance-id: iid-[0-9a-f]{16}\n$/);
  expect(idOf("a")).toBe(idOf("a"));
  expect(new Set([idOf("a"), idOf("b"), idOf("a", ""), idOf("a", "b")]).size).toBe(4);
});
