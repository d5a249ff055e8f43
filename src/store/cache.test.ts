import { cp, mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  contentOf,
  publish as publishContent,
  read,
  write,
} from "../../test/laws/cache-content.ts";
import { expectOk, storeFixture } from "../../test/laws/store-fixture.ts";
import { mergeBase } from "./cache-disk.ts";
import { openStore } from "./open-store.ts";
import type { Store } from "./store.ts";

test("one version is kept, whatever killed processes left of earlier ones", async () => {
  await using fixture = await storeFixture(openStore);
  const store = await fixture.open();
  const dir = join(fixture.root, "cache", "c-npm");
  await publish(store, "one");
  expect(await readdir(dir)).toEqual(["000000000001"]);
  await publish(store, "two");
  expect(await readdir(dir)).toEqual(["000000000002"]);
  await cp(join(dir, "000000000002"), join(dir, "000000000001"), { recursive: true });
  expect(await contentOf(store, "npm")).toBe("two");
  await publish(store, "three");
  expect(await readdir(dir)).toEqual(["000000000003"]);
  expect(await readdir(join(fixture.root, "cache-tmp"))).toEqual([]);
});

test("a version that comes after a gap is stale and removed again", async () => {
  await using fixture = await storeFixture(openStore);
  const store = await fixture.open();
  {
    await using sleeper = expectOk(await store.cache("npm"));
    await publish(store, "one");
    await publish(store, "two");
    await writeFile(sleeper.newContentPath, "old");
    expect(expectOk(await sleeper.publish("tar"))).toBe("stale");
  }
  expect(await readdir(join(fixture.root, "cache", "c-npm"))).toEqual(["000000000002"]);
  expect(await readdir(join(fixture.root, "cache-tmp"))).toEqual([]);
});

test("content is synced before it is published, and its name after", async () => {
  const synced: string[] = [];
  await using fixture = await storeFixture((root) =>
    openStore(root, {
      sync: async (path) => {
        const versions = await readdir(join(root, "cache", "c-npm")).catch(() => []);
        const name = path.replace(root, "").replace(/(cache-tmp\/)[^/]*/, "$1NEW");
        synced.push(`${name} ${versions.join(" ")}`);
      },
    }),
  );
  const store = await fixture.open();
  await publish(store, "one");
  synced.length = 0;
  await publish(store, "two");
  expect(synced).toEqual([
    "/cache-tmp/NEW/tar/content.tar 000000000001",
    "/cache-tmp/NEW/tar 000000000001",
    "/cache/c-npm 000000000001 000000000002",
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
    expect(await lease.publish("tar")).toMatchObject({ error: { reason: "disk-full" } });
  }
  expect(await contentOf(store, "npm")).toBe("one");
  expect(await readdir(join(fixture.root, "cache-tmp"))).toEqual([]);
});

test("files of an older form are no versions", async () => {
  await using fixture = await storeFixture(openStore);
  const store = await fixture.open();
  const dir = join(fixture.root, "cache", "c-npm");
  await mkdir(dir);
  await writeFile(join(dir, "000000000007.tar"), "old");
  expect(await store.caches()).toEqual([]);
  expect(await contentOf(store, "npm")).toBeUndefined();
  await publish(store, "one");
  expect(await contentOf(store, "npm")).toBe("one");
  expect(expectOk(await store.deleteCache("npm"))).toBe("deleted");
});

test("the disk of a cache shares its files with the version before, and a damaged one starts anew", async () => {
  await using fixture = await storeFixture(openStore);
  const store = await fixture.open();
  const { signal } = new AbortController();
  const dir = join(fixture.root, "cache", "c-npm");
  await publishContent(store, "npm", "disk", "one");
  const before = await stat(join(dir, "000000000001", "disk-0.qcow2"));
  await publishContent(store, "npm", "disk", "two");
  expect((await stat(join(dir, "000000000002", "disk-0.qcow2"))).ino).toBe(before.ino);
  {
    await using lease = expectOk(await store.cache("npm"));
    expect(expectOk(await lease.openDisk(signal)).isFilled).toBe(true);
    lease.startAnew();
    expect(lease.content).toBeUndefined();
    expect(expectOk(await lease.openDisk(signal)).isFilled).toBe(false);
    expect(expectOk(await lease.publish("disk"))).toBe("published");
  }
  await using lease = expectOk(await store.cache("npm"));
  expect(await read(lease)).toBe("");
});

test("a chain stays short however often it is published, and keeps everything", async () => {
  await using fixture = await storeFixture(openStore);
  const store = await fixture.open();
  const dir = join(fixture.root, "cache", "c-npm");
  for (let version = 1; version <= 12; version++) {
    await using lease = expectOk(await store.cache("npm"));
    expect(await read(lease)).toBe(version === 1 ? undefined : `${version - 1}`);
    await write(lease, "disk", `${version}`);
    expect(expectOk(await lease.publish("disk"))).toBe("published");
  }
  const [newest = ""] = await readdir(dir);
  expect((await readdir(join(dir, newest))).length).toBeLessThan(6);
  expect(await contentOf(store, "npm")).toBe("12");
});

test.each([
  ["nothing but the empty disk", [3, 1], 0],
  ["a smaller one below", [3, 1, 100], 0],
  ["an equal one below", [3, 8, 8], 0],
  ["one that is twice as large", [3, 2, 1], 1],
  ["several that grow together", [3, 100, 3, 2, 1, 1], 1],
  ["a larger one between", [3, 1, 100, 1], 2],
])("a new file of a chain is put on %s", (_, sizes, base) => {
  expect(mergeBase(sizes)).toBe(base);
});

function publish(store: Store, content: string): Promise<string> {
  return publishContent(store, "npm", "tar", content);
}
