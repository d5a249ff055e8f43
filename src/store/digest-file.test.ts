import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { appendFile, readFile, rename, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { storeFixture } from "../../test/laws/store-fixture.ts";
import { digestFile } from "./digest-file.ts";
import { openStore } from "./open-store.ts";

const MINUTE_MS = 60_000;
const later = () => Date.now() + MINUTE_MS;
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

async function setUp() {
  const fixture = await storeFixture(openStore);
  await fixture.open();
  const file = join(fixture.root, "image");
  await writeFile(file, "first");
  const documentPath = join(fixture.root, "state", "digests.json");
  return {
    root: fixture.root,
    file,
    documentPath,
    /** Puts another digest in the place of each one remembered: whoever gets it has not read the file. */
    async plant() {
      const document = JSON.parse(await readFile(documentPath, "utf8")) as Record<
        string,
        { digest: string }
      >;
      for (const entry of Object.values(document)) {
        entry.digest = "planted";
      }
      await writeFile(documentPath, JSON.stringify(document));
    },
    [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
  };
}

test("an unchanged file is read once", async () => {
  await using t = await setUp();
  expect(await digestFile(t.root, t.file, { now: later })).toEqual({
    ok: true,
    value: sha256("first"),
  });
  await t.plant();
  expect(await digestFile(t.root, t.file)).toEqual({ ok: true, value: "planted" });
});

test("a file larger than one read is digested whole", async () => {
  await using t = await setUp();
  const text = "x".repeat((1 << 21) + 7);
  await writeFile(t.file, text);
  expect(await digestFile(t.root, t.file)).toEqual({ ok: true, value: sha256(text) });
});

test.each<[string, (file: string) => Promise<void>]>([
  ["longer", (file) => appendFile(file, "x")],
  ["of the same size", (file) => writeFile(file, "other")],
  [
    "given its old time back",
    async (file) => {
      const { atime, mtime } = await stat(file);
      await writeFile(file, "other");
      await utimes(file, atime, mtime);
    },
  ],
  [
    "replaced",
    async (file) => {
      await writeFile(`${file}.new`, "other");
      await rename(`${file}.new`, file);
    },
  ],
])("a file that has become %s is read again", async (_, change) => {
  await using t = await setUp();
  await digestFile(t.root, t.file, { now: later });
  await t.plant();
  await change(t.file);
  expect(await digestFile(t.root, t.file)).toEqual({
    ok: true,
    value: sha256(await readFile(t.file, "utf8")),
  });
});

test("a file changed just before it was read is not remembered", async () => {
  await using t = await setUp();
  const { ctimeMs } = await stat(t.file);
  await digestFile(t.root, t.file, { now: () => ctimeMs + 1500 });
  await expect(stat(t.documentPath)).rejects.toThrow("ENOENT");
  // A clock that was set back must not make the file look old.
  await digestFile(t.root, t.file, { now: () => ctimeMs - MINUTE_MS });
  await expect(stat(t.documentPath)).rejects.toThrow("ENOENT");
  await digestFile(t.root, t.file, { now: () => ctimeMs + 2500 });
  expect((await stat(t.documentPath)).size).toBeGreaterThan(0);
});

test("a file that keeps changing while it is read has no digest", async () => {
  await using t = await setUp();
  let grown = 0;
  const signal = Object.defineProperty(new AbortController().signal, "aborted", {
    // Asked between two reads, so the file changes at a known moment.
    get: () => {
      grown++;
      writeFileSync(t.file, "x".repeat(grown));
      return false;
    },
  });
  expect(await digestFile(t.root, t.file, { signal, now: later })).toEqual({
    ok: false,
    error: { reason: "file-changing", path: t.file },
  });
  await expect(stat(t.documentPath)).rejects.toThrow("ENOENT");
});

test("failures are told apart", async () => {
  await using t = await setUp();
  const missing = join(t.root, "none");
  expect(await digestFile(t.root, missing)).toMatchObject({
    error: { reason: "file-unreadable", path: missing },
  });
  expect(await digestFile(t.root, t.root)).toMatchObject({ error: { reason: "file-unreadable" } });
  expect(await digestFile(t.root, t.file, { signal: AbortSignal.abort() })).toEqual({
    ok: false,
    error: { reason: "cancelled" },
  });
});

test("a corrupt memory is no memory", async () => {
  await using t = await setUp();
  await writeFile(t.documentPath, JSON.stringify({ [t.file]: { digest: 5 }, x: null }));
  expect(await digestFile(t.root, t.file)).toEqual({ ok: true, value: sha256("first") });
});
