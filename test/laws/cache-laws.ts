/** What holds for the caches of every store, whichever form their content has. */
import { describe, expect, test } from "vitest";
import type { CacheForm } from "../../src/store/store.ts";
import { contentOf, publish, read, write } from "./cache-content.ts";
import { expectOk, type StoreFixture } from "./store-fixture.ts";

const forms: readonly CacheForm[] = ["tar", "disk"];

/** Declares the laws; `makeFixture` makes what is under test. */
export function cacheLaws(name: string, makeFixture: () => Promise<StoreFixture>): void {
  describe.each(forms)(`${name}: caches as a %s`, (form) => {
    test("a new cache has no content until it is published", async () => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      {
        await using lease = expectOk(await store.cache("npm"));
        expect(lease.content).toBeUndefined();
        await write(lease, form, "never published");
      }
      expect(await contentOf(store, "npm")).toBeUndefined();
      expect(await publish(store, "npm", form, "one")).toBe("published");
      expect(await contentOf(store, "npm")).toBe("one");
      expect(await contentOf(store, "other")).toBeUndefined();
    });

    test("the first to finish publishes, a later one whose base is stale is dropped", async () => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      await publish(store, "npm", form, "zero");
      await using first = expectOk(await store.cache("npm"));
      await using second = expectOk(await store.cache("npm"));
      await using reader = expectOk(await store.cache("npm"));
      await write(first, form, "first");
      await write(second, form, "second, longer");
      expect(expectOk(await first.publish(form))).toBe("published");
      expect(expectOk(await second.publish(form))).toBe("stale");
      expect(await contentOf(store, "npm")).toBe("first");
      expect(await publish(store, "npm", form, "third")).toBe("published");
      expect(await read(reader)).toBe("zero");
      expect(await contentOf(store, "npm")).toBe("third");
    });

    test("a lease that slept through several versions is stale", async () => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      await using sleeper = expectOk(await store.cache("npm"));
      await publish(store, "npm", form, "one");
      await publish(store, "npm", form, "two");
      await write(sleeper, form, "old");
      expect(expectOk(await sleeper.publish(form))).toBe("stale");
      expect(await contentOf(store, "npm")).toBe("two");
    });

    test("of many who publish at once exactly one does", async () => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      for (let round = 0; round < 5; round++) {
        const leases = await Promise.all(
          Array.from({ length: 8 }, async () => expectOk(await store.cache("npm"))),
        );
        const outcomes = await Promise.all(
          leases.map(async (lease, index) => {
            await write(lease, form, `${round}.${index}`);
            return expectOk(await lease.publish(form));
          }),
        );
        expect(outcomes.filter((outcome) => outcome === "published")).toHaveLength(1);
        expect(await contentOf(store, "npm")).toBe(`${round}.${outcomes.indexOf("published")}`);
        await Promise.all(leases.map((lease) => lease[Symbol.asyncDispose]()));
      }
    });

    test("any text names a cache of its own", async () => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      const long = "x".repeat(5000);
      const names = ["", ".", "..", "/", "../../x", "a/b", "a%2Fb", "A", "ä", long, `${long}y`];
      for (const cache of names) {
        expect(await publish(store, cache, form, `content of ${cache}`)).toBe("published");
      }
      for (const cache of names) {
        expect(await contentOf(store, cache)).toBe(`content of ${cache}`);
      }
      const caches = await store.caches();
      expect(caches.map(({ name }) => name).sort()).toEqual([...names].sort());
      const sizes = caches.map(({ sizeBytes }) => sizeBytes);
      expect(Math.min(...sizes)).toBeGreaterThan(0);
      const bytes = await store.cacheBytes();
      expect(bytes).toBeGreaterThanOrEqual(Math.max(...sizes));
      // Disks have the empty one in common, which is most of what these take.
      const sum = sizes.reduce((total, size) => total + size, 0);
      if (form === "tar") expect(bytes).toBe(sum);
      else expect(bytes).toBeLessThan(sum / 2);
    });

    test("a deleted cache is new again, and an older lease does not bring it back", async () => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      expect(expectOk(await store.deleteCache("npm"))).toBe("absent");
      await publish(store, "npm", form, "one");
      await using older = expectOk(await store.cache("npm"));
      expect(expectOk(await store.deleteCache("npm"))).toBe("deleted");
      expect(expectOk(await store.deleteCache("npm"))).toBe("absent");
      expect(await store.caches()).toEqual([]);
      expect(await read(older)).toBe("one");
      await write(older, form, "one and more");
      expect(expectOk(await older.publish(form))).toBe("stale");
      expect(await contentOf(store, "npm")).toBeUndefined();
      expect(await publish(store, "npm", form, "two")).toBe("published");
      expect(await contentOf(store, "npm")).toBe("two");
    });
  });
}
