import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { expectOk, storeFixture } from "../../test/laws/store-fixture.ts";
import { openStore } from "./open-store.ts";
import { loadState, saveState } from "./remembered.ts";

const number = (value: unknown) => (typeof value === "number" ? value : undefined);

test("what is saved is loaded, in any process", async () => {
  await using fixture = await storeFixture(openStore);
  await fixture.open();
  expect(await loadState(fixture.root, "answer", number)).toBeUndefined();
  expectOk(await saveState(fixture.root, "answer", 41));
  expectOk(await saveState(fixture.root, "answer", 42));
  expect(await loadState(fixture.root, "answer", number)).toBe(42);
  expect(await readdir(join(fixture.root, "state", "tmp"))).toEqual([]);
});

test("what cannot be read is absent", async () => {
  await using fixture = await storeFixture(openStore);
  await fixture.open();
  await writeFile(join(fixture.root, "state", "torn.json"), '{"a":');
  await writeFile(join(fixture.root, "state", "other.json"), '"text"');
  await mkdir(join(fixture.root, "state", "dir.json"));
  for (const name of ["torn", "other", "dir"]) {
    expect(await loadState(fixture.root, name, number)).toBeUndefined();
  }
  expectOk(await saveState(fixture.root, "torn", 1));
  expect(await loadState(fixture.root, "torn", number)).toBe(1);
});

test("writers at once leave one of their values", async () => {
  await using fixture = await storeFixture(openStore);
  await fixture.open();
  const values = Array.from({ length: 20 }, (_, index) => index);
  await Promise.all(values.map((value) => saveState(fixture.root, "answer", value)));
  expect(values).toContain(await loadState(fixture.root, "answer", number));
});
