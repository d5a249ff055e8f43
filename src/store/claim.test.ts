import { mkdir, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { expectOk, idOf, type StoreFixture, storeFixture } from "../../test/laws/store-fixture.ts";
import { openStore } from "./open-store.ts";
import { newOwner } from "./owner.ts";
import type { Claim, Store } from "./store.ts";

const id = idOf("contended");

/** Owners as other processes have them; of one pid namespace, they are alive when this process is. */
const living = (serial: string) => async () => (await newOwner()).replace(/[0-9a-f]{8}$/, serial);
const dead = async () => (await newOwner()).replace(/^(\d+)-\d+-/, "$1-1-");
const unseen = async () => (await newOwner()).replace(/-\d+-([0-9a-f]{8})$/, "-1-$1");

describe("somebody who is still looking", () => {
  test("and comes first by name is waited for until it builds", async () => {
    await using fixture = await storeFixture(openStore);
    const store = await fixture.open();
    const other = await putStage(fixture, living("00000000"), { isBuilding: false });
    const claiming = claim(store, fixture);
    // It withdraws for the other.
    await expect.poll(() => entries(fixture)).toEqual([other.entry]);
    expect(await store.builder(id)).toBeUndefined();
    await writeFile(join(other.dir, "log"), "");
    expect(await claiming).toMatchObject({ kind: "taken", by: { dir: other.dir } });
    expect(await entries(fixture)).toEqual([other.entry]);
  });

  test("and does not build after all leaves the step to the next", async () => {
    await using fixture = await storeFixture(openStore);
    const store = await fixture.open();
    const other = await putStage(fixture, living("00000000"), { isBuilding: false });
    const claiming = claim(store, fixture);
    await other.remove();
    expect((await claiming).kind).toBe("granted");
  });

  test("and is dead is in nobody's way, nor is a dead builder, and both are removed", async () => {
    await using fixture = await storeFixture(openStore);
    const store = await fixture.open();
    await putStage(fixture, dead, { isBuilding: false });
    await putStage(fixture, dead, { isBuilding: true });
    expect(await store.builder(id)).toBeUndefined();
    expect((await claim(store, fixture)).kind).toBe("granted");
    expect(await entries(fixture)).toHaveLength(1);
  });
});

describe("a builder whose process cannot be seen", () => {
  test("is followed while it gives signs of life", async () => {
    await using fixture = await storeFixture(openStore);
    const store = await fixture.open();
    const other = await putStage(fixture, unseen, { isBuilding: true });
    expect(await claim(store, fixture)).toMatchObject({ kind: "taken", by: { dir: other.dir } });
  });

  test.each([
    ["silent for two minutes", -120],
    ["of tomorrow, since the clock was set back", 86_400],
  ])("counts as dead when it is %s, and is left alone", async (_, seconds) => {
    await using fixture = await storeFixture(openStore);
    const store = await fixture.open();
    const other = await putStage(fixture, unseen, { isBuilding: true });
    const time = Date.now() / 1000 + seconds;
    await utimes(join(other.dir, "log"), time, time);
    const stage = (await store.stages()).find(({ dir }) => dir === other.dir);
    if (stage === undefined) throw new Error("its files must be left alone");
    expect((await claim(store, fixture)).kind).toBe("granted");
    const { signal } = new AbortController();
    expect(await store.follow(stage, { signal, onOutput: () => {} })).toEqual({ kind: "gone" });
    expect(await entries(fixture)).toContain(other.entry);
  });
});

test("a builder that dies is noticed though nothing tells of it", async () => {
  await using fixture = await storeFixture(openStore);
  const store = await fixture.open();
  const other = await putStage(fixture, dead, { isBuilding: true });
  const stage = { id, pid: process.pid, dir: other.dir, logPath: join(other.dir, "log") };
  const { signal } = new AbortController();
  expect(await store.follow(stage, { signal, onOutput: () => {} })).toEqual({ kind: "gone" });
});

async function claim(store: Store, { base }: StoreFixture): Promise<Claim> {
  const { signal } = new AbortController();
  return expectOk(await store.claim({ id, base, signal }));
}

async function putStage(
  fixture: StoreFixture,
  owner: () => Promise<string>,
  { isBuilding }: { readonly isBuilding: boolean },
) {
  const entry = `${id}.${await owner()}`;
  const dir = join(fixture.root, "result-tmp", entry);
  await mkdir(dir);
  if (isBuilding) await writeFile(join(dir, "log"), "");
  return {
    entry,
    dir,
    remove: () => rm(dir, { recursive: true }),
  };
}

async function entries({ root }: StoreFixture): Promise<readonly string[]> {
  return readdir(join(root, "result-tmp"));
}
