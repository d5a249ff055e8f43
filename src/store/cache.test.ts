import { readFileSync } from "node:fs";
import { copyFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { expectOk, storeFixture } from "../../test/laws/store-fixture.ts";
import { openStore } from "./open-store.ts";
import type { Store } from "./store.ts";

test("one version is kept, whatever killed processes left of earlier ones", async () => {
  await using fixture = await storeFixture(openStore);
  const store = await fixture.open();
  const dir = join(fixture.root, "cache", "c-npm");
  await publish(store, "one");
  expect(await readdir(dir)).toEqual(["000000000001.tar"]);
  await publish(store, "two");
  expect(await readdir(dir)).toEqual(["000000000002.tar"]);
  await copyFile(join(dir, "000000000002.tar"), join(dir, "000000000001.tar"));
  {
    await using lease = expectOk(await store.cache("npm"));
    expect(readFileSync(lease.content?.fd ?? -1, "utf8")).toBe("two");
  }
  await publish(store, "three");
  expect(await readdir(dir)).toEqual(["000000000003.tar"]);
});

test("a version that comes after a gap is stale and removed again", async () => {
  await using fixture = await storeFixture(openStore);
  const store = await fixture.open();
  await using sleeper = expectOk(await store.cache("npm"));
  await publish(store, "one");
  await publish(store, "two");
  await writeFile(sleeper.newContentPath, "old");
  expect(expectOk(await sleeper.publish())).toBe("stale");
  expect(await readdir(join(fixture.root, "cache", "c-npm"))).toEqual(["000000000002.tar"]);
  expect(await readdir(join(fixture.root, "cache-tmp"))).toEqual([]);
});

test("content is synced before it is published, and its name after", async () => {
  const synced: string[] = [];
  await using fixture = await storeFixture((root) =>
    openStore(root, {
      sync: async (path) => {
        const versions = await readdir(join(root, "cache", "c-npm")).catch(() => []);
        synced.push(`${path.replace(root, "").replace(/[^/]*tar$/, "NEW")} ${versions.join(" ")}`);
      },
    }),
  );
  const store = await fixture.open();
  await publish(store, "one");
  synced.length = 0;
  await publish(store, "two");
  expect(synced).toEqual([
    "/cache-tmp/NEW 000000000001.tar",
    "/cache/c-npm 000000000001.tar 000000000002.tar",
  ]);
});

test("a full disk while publishing leaves the old content", async () => {
  let full = false;
  await using fixture = await storeFixture((root) =>
    openStore(root, {
      sync: async () => {
        if (full) {
          throw Object.assign(new Error("the disk is full"), { code: "ENOSPC" });
        }
      },
    }),
  );
  const store = await fixture.open();
  await publish(store, "one");
  full = true;
  {
    await using lease = expectOk(await store.cache("npm"));
    await writeFile(lease.newContentPath, "two");
    expect(await lease.publish()).toMatchObject({ error: { reason: "disk-full" } });
  }
  expect(await store.caches()).toEqual([{ name: "npm", sizeBytes: 3 }]);
  expect(await readdir(join(fixture.root, "cache-tmp"))).toEqual([]);
});

async function publish(store: Store, content: string): Promise<void> {
  await using lease = expectOk(await store.cache("npm"));
  await writeFile(lease.newContentPath, content);
  expect(expectOk(await lease.publish())).toBe("published");
}
