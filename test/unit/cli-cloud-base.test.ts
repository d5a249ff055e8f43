import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Answering, giveFile, serve } from "../support/file-server.ts";
import { type Ran, vmbuild } from "../support/run-vmbuild.ts";

const name = "debian-12-genericcloud-amd64.qcow2";
let dir: string;
let image: Buffer;
let sha512: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-cloud-base-"));
  await writeFile(join(dir, "disk.raw"), Buffer.alloc(1024 ** 2, "content"));
  await execa("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", "disk.raw", name], { cwd: dir });
  image = await readFile(join(dir, name));
  sha512 = createHash("sha512").update(image).digest("hex");
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

const base = (argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> =>
  vmbuild(["base", "build", ...argv], { cwd: dir, env: { VMBUILD_STORE: "store", ...env } });

/** The image, and a file of checksums beside it. */
function published(sums: string): Answering {
  return (request, response) => {
    if (request.url === "/images/SHA512SUMS") response.end(sums);
    else if (request.url === `/images/${name}`) giveFile(image)(request, response);
    else response.writeHead(404).end();
  };
}

test("a cloud image is got with the checksum that is published beside it", async () => {
  await using server = await serve(published(`${"0".repeat(128)}  other\n${sha512}  ${name}\n`));
  const env = { VMBUILD_IMAGE_URL: `${server.url}/images/${name}` };
  const ran = await base(["debian-12-cloud", "--download-only"], env);
  expect(ran.exitCode, ran.stderr).toBe(0);
  expect(await readFile(ran.stdout)).toHaveLength(image.length);
  expect(ran.stderr).toContain(`sha512:${sha512}`);
  await base(["debian-12-cloud", "--download-only"], env);
  expect(server.requests).toEqual([
    "GET /images/SHA512SUMS",
    `GET /images/${name}`,
    "GET /images/SHA512SUMS",
  ]);
});

test.each<[what: string, sums: string, argv: string[], exitCode: number, message: string]>([
  ["has another checksum", `${"0".repeat(128)}  ${name}\n`, [], 3, "its sha512 checksum differs"],
  ["is not in the checksums", "", [], 4, `it has no checksum of ${name}`],
  [
    "has not the one that is given",
    "",
    ["--checksum", `md5:${"0".repeat(32)}`],
    3,
    "its md5 checksum differs",
  ],
  [
    "is to have an unknown one",
    "",
    ["--checksum", "md6:00"],
    2,
    "there is no checksum of the type",
  ],
])("one that %s is refused", async (_, sums, argv, exitCode, message) => {
  await using server = await serve(published(sums));
  const url = ["--url", `${server.url}/images/${name}`];
  const ran = await base(["debian-12-cloud", "--download-only", ...url, ...argv]);
  expect(ran).toMatchObject({ exitCode, stdout: "" });
  expect(ran.stderr).toContain(message);
});
