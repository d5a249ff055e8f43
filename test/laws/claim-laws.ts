/** What every store must keep about who builds a step. */
import { appendFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import type { StepId } from "../../src/plan/step.ts";
import type { Claim, FollowEnd, LiveStage, Stage, Store } from "../../src/store/store.ts";
import { expectOk, idOf, makeLayer, metadataOf, type StoreFixture } from "./store-fixture.ts";

const id = idOf("contended");

/** Runs the contract of `claim`, `builder` and `follow` against what `makeFixture` makes. */
export function claimLaws(name: string, makeFixture: () => Promise<StoreFixture>): void {
  describe(`${name}: claims`, () => {
    test("one gets the step, the others learn who has it", async () => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      expect(await store.builder(id)).toBeUndefined();
      await using stage = granted(await claim(store, fixture));
      expect(await claim(await fixture.open(), fixture)).toEqual({
        kind: "taken",
        by: { ...whereabouts(stage), base: fixture.base },
      });
      expect(await store.builder(id)).toMatchObject(whereabouts(stage));
      expect(await store.stages()).toHaveLength(1);
    });

    test("of many at once exactly one gets it, over and over", async () => {
      await using fixture = await makeFixture();
      const stores = await Promise.all(Array.from({ length: 8 }, () => fixture.open()));
      for (let round = 0; round < 5; round++) {
        const claims = await Promise.all(stores.map((store) => claim(store, fixture)));
        const winners = claims.filter(({ kind }) => kind === "granted");
        expect(winners).toHaveLength(1);
        for (const winner of winners) await granted(winner)[Symbol.asyncDispose]();
        expect(await stores[0]?.stages()).toEqual([]);
      }
    });

    test("other steps are not in the way", async () => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      await using first = granted(await claim(store, fixture));
      await using second = granted(await claim(store, fixture, idOf("another")));
      expect(second.id).not.toBe(first.id);
    });

    test("a claim ends with its stage", async () => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      await granted(await claim(store, fixture))[Symbol.asyncDispose]();
      expect(await store.builder(id)).toBeUndefined();
      await using stage = granted(await claim(store, fixture));
      expect(stage.id).toBe(id);
    });

    test("what is built is not claimed again", async () => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      const layer = await makeLayer(store, fixture.base, id);
      expect(await claim(store, fixture)).toEqual({ kind: "built", layer });
      expect(await store.stages()).toEqual([]);
    });

    test("a claim that is cancelled or cannot be filled leaves nothing", async () => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      const { signal } = new AbortController();
      const base = { kind: "layer", id: idOf("missing") } as const;
      expect(await store.claim({ id, base, signal })).toMatchObject({
        error: { reason: "layer-missing" },
      });
      const aborted = { id, base: fixture.base, signal: AbortSignal.abort() };
      expect(await store.claim(aborted)).toEqual({ ok: false, error: { reason: "cancelled" } });
      expect(await store.stages()).toEqual([]);
    });
  });

  describe(`${name}: following`, () => {
    test("gives the log from its start as it grows, and the layer", async () => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      const stage = granted(await claim(store, fixture));
      await appendFile(stage.logPath, "one\n");
      const follower = follow(store, whereabouts(stage));
      await follower.saw("one\n");
      await appendFile(stage.logPath, "two\n");
      await follower.saw("one\ntwo\n");
      await appendFile(stage.logPath, "three\n");
      const layer = expectOk(await stage.promote(metadataOf(id)));
      expect(await follower.end).toEqual({ kind: "promoted", layer });
      expect(follower.output()).toBe("one\ntwo\nthree\n");
    });

    test("that begins after the end still gives the whole log", async () => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      const stage = granted(await claim(store, fixture));
      await appendFile(stage.logPath, "all\n");
      const layer = expectOk(await stage.promote(metadataOf(id)));
      const follower = follow(store, whereabouts(stage));
      expect(await follower.end).toEqual({ kind: "promoted", layer });
      expect(follower.output()).toBe("all\n");
    });

    test("gives the failure that was noted, with the log to its end", async () => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      const stage = granted(await claim(store, fixture));
      const follower = follow(store, whereabouts(stage));
      await appendFile(stage.logPath, "no such file\n");
      expectOk(await stage.noteFailure({ exitCode: 3 }));
      expectOk(await stage.keepLog());
      await stage[Symbol.asyncDispose]();
      expect(await follower.end).toEqual({ kind: "failed", record: { exitCode: 3 } });
      expect(follower.output()).toBe("no such file\n");
    });

    test("that begins after a failure still gives the whole log", async () => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      const stage = granted(await claim(store, fixture));
      await appendFile(stage.logPath, "no such file\n");
      expectOk(await stage.noteFailure({ exitCode: 3 }));
      expectOk(await stage.keepLog());
      await stage[Symbol.asyncDispose]();
      const follower = follow(store, whereabouts(stage));
      expect(await follower.end).toEqual({ kind: "failed", record: { exitCode: 3 } });
      expect(follower.output()).toBe("no such file\n");
    });

    test("does not take an earlier failure for this one", async () => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      for (const record of [{ exitCode: 3 }, undefined]) {
        const stage = granted(await claim(store, fixture));
        const follower = follow(store, whereabouts(stage));
        if (record !== undefined) expectOk(await stage.noteFailure(record));
        await stage[Symbol.asyncDispose]();
        const end = record === undefined ? { kind: "gone" } : { kind: "failed", record };
        expect(await follower.end).toEqual(end);
      }
    });

    test("ends when the stage is kept for a machine, which is no claim any more", async () => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      const stage = granted(await claim(store, fixture));
      const follower = follow(store, whereabouts(stage));
      await stage.keepFor(process.pid);
      await stage[Symbol.asyncDispose]();
      expect(await follower.end).toEqual({ kind: "gone" });
      await using next = granted(await claim(store, fixture));
      expect(next.dir).not.toBe(stage.dir);
    });

    test("is left without harm to the builder", async () => {
      await using fixture = await makeFixture();
      const store = await fixture.open();
      const stage = granted(await claim(store, fixture));
      const follower = follow(store, whereabouts(stage));
      await appendFile(stage.logPath, "one\n");
      await follower.saw("one\n");
      follower.leave();
      expect(await follower.end).toEqual({ kind: "cancelled" });
      expectOk(await stage.promote(metadataOf(id)));
    });
  });
}

async function claim(store: Store, { base }: StoreFixture, step: StepId = id): Promise<Claim> {
  const { signal } = new AbortController();
  return expectOk(await store.claim({ id: step, base, signal }));
}

function granted(claimed: Claim): Stage {
  if (claimed.kind !== "granted") throw new Error(`expected the claim, got ${claimed.kind}`);
  return claimed.stage;
}

function whereabouts({ id, dir, logPath }: Stage): LiveStage {
  return { id, pid: process.pid, dir, logPath };
}

interface Follower {
  readonly end: Promise<FollowEnd>;
  output(): string;
  /** Resolves when just that has been given out. */
  saw(text: string): Promise<void>;
  leave(): void;
}

function follow(store: Store, stage: LiveStage): Follower {
  const stop = new AbortController();
  let output = "";
  const end = store.follow(stage, {
    signal: stop.signal,
    onOutput: (chunk) => void (output += Buffer.from(chunk).toString()),
  });
  return {
    end,
    output: () => output,
    saw: (text) => expect.poll(() => output, { timeout: 10_000 }).toBe(text),
    leave: () => stop.abort(),
  };
}
