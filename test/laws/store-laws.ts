/** What every store must keep, whatever it is made of. */
import { readFile, writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";

import { upkeepLaws } from "./upkeep-laws.ts";
import {
  BASE_BYTES,
  expectOk,
  idOf,
  makeLayer,
  metadataOf,
  openStageOn,
  type StoreFixture,
} from "./store-fixture.ts";

/** Runs the contract of `Store` against what `makeFixture` makes. */
export function storeLaws(name: string, makeFixture: () => Promise<StoreFixture>): void {
  upkeepLaws(name, makeFixture);
  describe(`${name}: layers`, () => {
    test("a promoted stage is a layer with its log and metadata", async () => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      const id = idOf("a");
      expect(await store.layer(id)).toBeUndefined();
      const layer = await makeLayer(store, fixture.base, id, "hello\n");
      expect(await store.layer(id)).toEqual(layer);
      expect(layer.metadata).toEqual(metadataOf(id));
      expect(await readFile(layer.logPath, "utf8")).toBe("hello\n");
      expect(await store.layers()).toEqual([layer]);
    });

    test("a stage that is not promoted is gone when it is disposed of", async () => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      const id = idOf("a");
      {
        await using stage = await openStageOn(store, fixture.base, id);
        expect((await store.stages()).map(({ dir }) => dir)).toEqual([stage.dir]);
      }
      expect(await store.stages()).toEqual([]);
      expect(await store.layer(id)).toBeUndefined();
      expect(await store.layers()).toEqual([]);
    });

    test("of two stages of one id the first promoted wins, and both get its layer", async () => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      const id = idOf("a");
      await using first = await openStageOn(store, fixture.base, id);
      await using second = await openStageOn(store, fixture.base, id);
      await writeFile(first.logPath, "first");
      await writeFile(second.logPath, "second");
      const layer = expectOk(await first.promote(metadataOf(id)));
      expect(expectOk(await second.promote(metadataOf(id)))).toEqual(layer);
      expect(await readFile(layer.logPath, "utf8")).toBe("first");
      expect(await store.stages()).toEqual([]);
    });

    test("a stage on a layer that is missing fails and leaves nothing", async () => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      const result = await store.stage({
        id: idOf("child"),
        base: { kind: "layer", id: idOf("parent") },
        signal: new AbortController().signal,
      });
      expect(result).toEqual({ ok: false, error: { reason: "layer-missing", id: idOf("parent") } });
      expect(await store.stages()).toEqual([]);
    });

    test("a disk cannot be smaller than its base", async () => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      const result = await store.stage({
        id: idOf("a"),
        base: fixture.base,
        diskSizeBytes: BASE_BYTES - 512,
        signal: new AbortController().signal,
      });
      expect(result).toEqual({
        ok: false,
        error: {
          reason: "disk-size-too-small",
          requestedBytes: BASE_BYTES - 512,
          baseBytes: BASE_BYTES,
        },
      });
      expect(await store.stages()).toEqual([]);
    });

    test("a cancelled build gets no stage and promotes none", async () => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      const cancelled = { ok: false, error: { reason: "cancelled" } };
      const controller = new AbortController();
      const request = { id: idOf("a"), base: fixture.base, signal: controller.signal };
      await using stage = expectOk(await store.stage(request));
      controller.abort();
      expect(await stage.promote(metadataOf(idOf("a")))).toEqual(cancelled);
      expect(await store.stage({ ...request, id: idOf("b") })).toEqual(cancelled);
      expect(await store.layers()).toEqual([]);
    });

    test("children are the layers built directly on a layer", async () => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      const [a, b, c] = [idOf("a"), idOf("b"), idOf("c")];
      await makeLayer(store, fixture.base, a);
      await makeLayer(store, { kind: "layer", id: a }, b);
      await makeLayer(store, { kind: "layer", id: b }, c);
      expect(await store.childrenOf(a)).toEqual([b]);
      expect(await store.childrenOf(c)).toEqual([]);
    });
  });

  describe(`${name}: deletion`, () => {
    test("a layer nobody uses goes, with everything", async () => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      const id = idOf("a");
      await makeLayer(store, fixture.base, id);
      expect(await store.delete(id)).toEqual({ ok: true, value: undefined });
      expect(await store.layer(id)).toBeUndefined();
      expect(await store.delete(id)).toEqual({ ok: false, error: { reason: "layer-missing", id } });
      await makeLayer(store, fixture.base, id);
    });

    test("a layer with children, a tag or a stage on it is kept, and the users are named", async () => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      const [a, b, c] = [idOf("a"), idOf("b"), idOf("c")];
      await makeLayer(store, fixture.base, a);
      await makeLayer(store, { kind: "layer", id: a }, b);
      expectOk(await store.tag("keep", a));
      {
        await using stage = await openStageOn(store, { kind: "layer", id: a }, c);
        expect(stage.id).toBe(c);
        expect(await store.delete(a)).toEqual({
          ok: false,
          error: {
            reason: "layer-in-use",
            id: a,
            by: ["tag keep", `layer ${b}`, `build of ${c} by process ${process.pid}`],
          },
        });
      }
      expectOk(await store.untag("keep"));
      expect(await store.delete(a)).toMatchObject({ error: { by: [`layer ${b}`] } });
      expectOk(await store.delete(b));
      expectOk(await store.delete(a));
      expect(await store.layers()).toEqual([]);
    });

    test("a stage and a deletion at once: the stage has a base or is refused", async () => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      const a = idOf("a");
      for (let round = 0; round < 10; round++) {
        await makeLayer(store, fixture.base, a);
        const [staged] = await Promise.all([
          store.stage({
            id: idOf("b"),
            base: { kind: "layer", id: a },
            signal: new AbortController().signal,
          }),
          store.delete(a),
        ]);
        if (staged.ok) {
          await using stage = staged.value;
          expect(await store.layer(a)).toBeDefined();
          expectOk(await stage.promote(metadataOf(idOf("b"), a)));
          expectOk(await store.delete(idOf("b")));
          expectOk(await store.delete(a));
        }
      }
    });
  });

  describe(`${name}: names`, () => {
    test("a tag names a layer and can be moved and removed", async () => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      const [a, b] = [idOf("a"), idOf("b")];
      await makeLayer(store, fixture.base, a);
      await makeLayer(store, { kind: "layer", id: a }, b);
      expectOk(await store.tag("team/debian:12", a));
      expectOk(await store.tag("Other", a));
      expectOk(await store.tag("team/debian:12", b));
      expect(await store.tags()).toEqual([
        { name: "Other", id: a },
        { name: "team/debian:12", id: b },
      ]);
      expect(await store.resolveId("team/debian:12")).toEqual({ ok: true, value: b });
      expect(expectOk(await store.untag("team/debian:12"))).toBe("removed");
      expect(expectOk(await store.untag("team/debian:12"))).toBe("absent");
      expect(await store.tags()).toEqual([{ name: "Other", id: a }]);
    });

    test("only a layer can be tagged", async () => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      expect(await store.tag("none", idOf("a"))).toEqual({
        ok: false,
        error: { reason: "layer-missing", id: idOf("a") },
      });
      expect(await store.tags()).toEqual([]);
    });

    test.each([
      ["", "nothing"],
      [".hidden", "begins with a dot"],
      ["a b", "a space"],
      ["x@sha256:1", "reserved for pins"],
      ["a".repeat(81), "too long"],
      ["../up", "leads elsewhere"],
      ["a/..", "leads elsewhere"],
      ["a//b", "a part of nothing"],
      ["a/", "likewise"],
      ["a/.b", "a part begins with a dot"],
      ["sha256/x", "no name of a base image"],
      ["cafe", "reads as the beginning of an id"],
      ["2024", "likewise"],
      ["F".repeat(64), "reads as an id"],
    ])("%j is not a tag: %s", async (tag) => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      const id = idOf("a");
      await makeLayer(store, fixture.base, id);
      expect(await store.tag(tag, id)).toMatchObject({
        error: { reason: "tag-invalid", name: tag },
      });
      expect(await store.tags()).toEqual([]);
    });

    test("an id is found by itself and by its beginning", async () => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      const [a, b] = idsSharing(4);
      await makeLayer(store, fixture.base, a);
      await makeLayer(store, fixture.base, b);
      expect(await store.resolveId(a)).toEqual({ ok: true, value: a });
      expect(await store.resolveId(a.slice(0, 12))).toEqual({ ok: true, value: a });
      expect(await store.resolveId(b.slice(0, 12).toUpperCase())).toEqual({ ok: true, value: b });
      expect(await store.resolveId(a.slice(0, 4))).toEqual({
        ok: false,
        error: { reason: "id-ambiguous", text: a.slice(0, 4), matches: [a, b].sort() },
      });
      expect(await store.resolveId(a.slice(0, 3))).toMatchObject({
        error: { reason: "id-unknown" },
      });
    });

    test("what is unknown comes with what was perhaps meant", async () => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      const id = idOf("a");
      await makeLayer(store, fixture.base, id);
      expectOk(await store.tag("debian-12", id));
      const unknown = (text: string, suggestions: readonly string[]) => ({
        ok: false,
        error: { reason: "id-unknown", text, suggestions },
      });
      expect(await store.resolveId("debain-12")).toEqual(unknown("debain-12", ["debian-12"]));
      expect(await store.resolveId("windows")).toEqual(unknown("windows", []));
      const slip = `${id.slice(0, 7)}${id[7] === "0" ? "1" : "0"}`;
      expect(await store.resolveId(slip)).toEqual(unknown(slip, [id]));
      expect(await store.resolveId(idOf("b"))).toEqual(unknown(idOf("b"), []));
    });
  });
}

/** Two ids that differ and begin with the same `digits` digits. */
function idsSharing(digits: number): [ReturnType<typeof idOf>, ReturnType<typeof idOf>] {
  const seen = new Map<string, ReturnType<typeof idOf>>();
  for (let n = 0; ; n++) {
    const id = idOf(String(n));
    const earlier = seen.get(id.slice(0, digits));
    if (earlier !== undefined) {
      return [earlier, id];
    }
    seen.set(id.slice(0, digits), id);
  }
}
