/** What every store must keep when it is kept in bounds. */
import { describe, expect, test } from "vitest";
import { expectOk, idOf, makeLayer, openStageOn, type StoreFixture } from "./store-fixture.ts";

const [a, b, c, d] = [idOf("a"), idOf("b"), idOf("c"), idOf("d")];

/** Runs the contract of `Store.deleteAll`, `hold`, `used`, `inventory` and `prune`. */
export function upkeepLaws(name: string, makeFixture: () => Promise<StoreFixture>): void {
  /** A store with the layers a - b - c, and d on a. */
  async function filled(fixture: StoreFixture) {
    const store = await fixture.open();
    await makeLayer(store, fixture.base, a);
    await makeLayer(store, { kind: "layer", id: a }, b);
    await makeLayer(store, { kind: "layer", id: b }, c);
    await makeLayer(store, { kind: "layer", id: a }, d);
    return {
      store,
      ids: async () => (await store.layers()).map(({ id }) => id).sort(),
    };
  }
  const all = [a, b, c, d].sort();

  describe(`${name}: deletion of several`, () => {
    test("goes children first, in whatever order they are given", async () => {
      await using fixture = await makeFixture();
      const { store, ids } = await filled(fixture);
      expect(await store.deleteAll([b, c])).toEqual({ ok: true, value: [c, b] });
      expect(await store.deleteAll([a], { recursive: true, dryRun: true })).toEqual({
        ok: true,
        value: [d, a],
      });
      expect(await ids()).toEqual([a, d].sort());
      expect(await store.deleteAll([a], { recursive: true })).toEqual({ ok: true, value: [d, a] });
      expect(await ids()).toEqual([]);
    });

    test("is all or nothing", async () => {
      await using fixture = await makeFixture();
      const { store, ids } = await filled(fixture);
      const none = idOf("none");
      expect(await store.deleteAll([c, none])).toEqual({
        ok: false,
        error: { reason: "layer-missing", id: none },
      });
      expect(await store.deleteAll([d, b])).toEqual({
        ok: false,
        error: { reason: "layer-in-use", id: b, by: [`layer ${c}`] },
      });
      expectOk(await store.tag("keep", c));
      expect(await store.deleteAll([a], { recursive: true })).toEqual({
        ok: false,
        error: { reason: "layer-in-use", id: c, by: ["tag keep"] },
      });
      expect(await ids()).toEqual(all);
    });
  });

  describe(`${name}: pruning`, () => {
    test("takes what was not used for longest, and a use counts", async () => {
      await using fixture = await makeFixture();
      const { store, ids } = await filled(fixture);
      const [whole] = [expectOk(await store.prune({ dryRun: true })).keptBytes];
      await store.used(c);
      const { removed } = expectOk(await store.prune({ keepBytes: whole - 1 }));
      expect(removed).toMatchObject([{ kind: "layer", name: d }]);
      expect(await ids()).toEqual([a, b, c].sort());
      const { layers } = await store.inventory();
      const used = layers.find(({ layer }) => layer.id === c);
      // The records say that all were made in January.
      expect(used?.usedAtMs).toBeGreaterThan(Date.parse("2026-01-03"));
    });

    test("leaves what is tagged, held or built on, and what that is built on", async () => {
      await using fixture = await makeFixture();
      const { store, ids } = await filled(fixture);
      const prune = async () => {
        const { removed } = expectOk(await store.prune({ keepBytes: 0 }));
        return removed.map((item) => item.name);
      };
      expectOk(await store.tag("keep", b));
      {
        await using _ = await store.hold([c]);
        await using stage = await openStageOn(store, { kind: "layer", id: d }, idOf("e"));
        expect(stage.id).toBe(idOf("e"));
        expect(await prune()).toEqual([]);
        expect(await store.delete(c)).toEqual({
          ok: false,
          error: { reason: "layer-in-use", id: c, by: [`build by process ${process.pid}`] },
        });
        expect(await ids()).toEqual(all);
      }
      expect((await prune()).sort()).toEqual([c, d].sort());
      expectOk(await store.untag("keep"));
      expect(await prune()).toEqual([b, a]);
      expect(await ids()).toEqual([]);
    });

    test("a dry run tells what goes, in order, and changes nothing", async () => {
      await using fixture = await makeFixture();
      const { store, ids } = await filled(fixture);
      const dry = expectOk(await store.prune({ keepBytes: 0, dryRun: true }));
      expect(await ids()).toEqual(all);
      expect(expectOk(await store.prune({ keepBytes: 0 }))).toEqual(dry);
      expect(dry).toMatchObject({ keptBytes: 0 });
      expect(dry.removed).toHaveLength(4);
    });

    test("several at once remove each layer once", async () => {
      await using fixture = await makeFixture();
      const { store, ids } = await filled(fixture);
      const reports = await Promise.all([1, 2, 3].map(() => store.prune({ keepBytes: 0 })));
      const removed = reports.flatMap((report) =>
        expectOk(report).removed.map((item) => item.name),
      );
      expect(removed.sort()).toEqual(all);
      expect(await ids()).toEqual([]);
    });

    test("caches go only when asked for", async () => {
      await using fixture = await makeFixture();
      const { store } = await filled(fixture);
      {
        await using lease = expectOk(await store.cache("npm"));
        expectOk(await lease.openDisk(new AbortController().signal));
        expect(expectOk(await lease.publish("disk"))).toBe("published");
      }
      expectOk(await store.prune({ keepBytes: 0 }));
      expect((await store.caches()).map((cache) => cache.name)).toEqual(["npm"]);
      const { removed } = expectOk(await store.prune({ keepBytes: 0, caches: true }));
      expect(removed).toMatchObject([{ kind: "cache", name: "npm" }]);
      expect(await store.caches()).toEqual([]);
    });
  });
}
