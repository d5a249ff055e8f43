import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { expectOk, idOf, makeLayer, storeFixture } from "../../test/laws/store-fixture.ts";
import { syncPath } from "./durable.ts";
import { openStore } from "./open-store.ts";

const [a, b] = [idOf("a"), idOf("b")];

test.each([
  ["there was none", undefined],
  ["it named another layer", b],
])("a tag whose layer is deleted at the same time is as before: %s", async (_, before) => {
  let meanwhile: (() => Promise<unknown>) | undefined;
  await using fixture = await storeFixture((root) =>
    openStore(root, {
      sync: async (path) => {
        // The tag has been written and has not got its name yet.
        if (path.includes("/state/tmp/")) {
          const action = meanwhile;
          meanwhile = undefined;
          await action?.();
        }
        await syncPath(path);
      },
    }),
  );
  const store = await fixture.open();
  await makeLayer(store, fixture.base, a);
  await makeLayer(store, fixture.base, b);
  if (before !== undefined) {
    expectOk(await store.tag("name", before));
  }
  meanwhile = async () => expectOk(await store.delete(a));
  expect(await store.tag("name", a)).toEqual({
    ok: false,
    error: { reason: "layer-missing", id: a },
  });
  expect(await store.tags()).toEqual(before === undefined ? [] : [{ name: "name", id: before }]);
});

test("a tag is one readable file, and other files are no tags", async () => {
  await using fixture = await storeFixture(openStore);
  const store = await fixture.open();
  await makeLayer(store, fixture.base, a);
  expectOk(await store.tag("team/debian:12", a));
  const dir = join(fixture.root, "state", "tags");
  expect(await readFile(join(dir, "team%2Fdebian%3A12"), "utf8")).toBe(`${a}\n`);
  await writeFile(join(dir, "torn"), a.slice(0, 20));
  await writeFile(join(dir, "a b"), a);
  await writeFile(join(dir, "cafe"), a);
  expect(await readdir(dir)).toHaveLength(4);
  expect(await store.tags()).toEqual([{ name: "team/debian:12", id: a }]);
  expect(await store.resolveId("torn")).toMatchObject({ error: { reason: "id-unknown" } });
});

test("a tag whose layer was removed by hand says so", async () => {
  await using fixture = await storeFixture(openStore);
  const store = await fixture.open();
  await writeFile(join(fixture.root, "state", "tags", "name"), `${a}\n`);
  expect(await store.resolveId("name")).toEqual({
    ok: false,
    error: { reason: "layer-missing", id: a },
  });
});
