import { describe, expect, test } from "vitest";
import { idOf, metadataOf } from "../../test/laws/store-fixture.ts";
import { IMAGE_GRACE_MS, layersInUse, selectPrune } from "./select-prune.ts";
import type { StoredFile } from "./stored-file.ts";
import type { Inventory, InventoryLayer, PruneLimits } from "./upkeep.ts";

const nowMs = 1_000_000_000;
let inodes = 0;
const file = (bytes: number, links = 1): StoredFile => ({ inode: ++inodes, bytes, links });

interface LayerSpec {
  readonly on?: string;
  readonly used: number;
  readonly bytes?: number;
  readonly images?: readonly string[];
  readonly machine?: InventoryLayer["machine"];
}

function layer(name: string, spec: LayerSpec): InventoryLayer {
  const id = idOf(name);
  const metadata = metadataOf(id, spec.on === undefined ? undefined : idOf(spec.on));
  const paths = { dir: "", diskPath: "", logPath: "", suspendedDir: "" };
  return {
    layer: { id, ...paths, metadata },
    usedAtMs: spec.used,
    diskBytes: spec.bytes ?? 10,
    files: [file(spec.bytes ?? 10)],
    images: spec.images ?? [],
    ...(spec.machine === undefined ? {} : { machine: spec.machine }),
  };
}

function inventory(parts: Partial<Inventory>): Inventory {
  return {
    layers: [],
    tags: [],
    busy: new Set(),
    caches: [],
    images: [],
    imagesInUse: new Set(),
    failedLogs: [],
    downloads: [],
    baseImageFiles: [],
    unfinished: [],
    ...parts,
  };
}

/** What goes, by the names the test gave. */
function gone(parts: Partial<Inventory>, limits: PruneLimits, freeBytes = 0): readonly string[] {
  const all = inventory(parts);
  const names = new Map("abcdefgh".split("").map((name) => [idOf(name) as string, name]));
  return selectPrune(all, limits, { nowMs, freeBytes }).removed.map(
    ({ kind, name, bytes }) => `${kind} ${names.get(name) ?? name} ${bytes}`,
  );
}

/** a - b - c, and d on a. */
const chain = [
  layer("a", { used: 100 }),
  layer("b", { on: "a", used: 200 }),
  layer("c", { on: "b", used: 300 }),
  layer("d", { on: "a", used: 50 }),
];

describe("layers", () => {
  test.each<[string, PruneLimits, readonly string[]]>([
    ["nothing, when all fits", { keepBytes: 40 }, []],
    ["nothing, without a limit", {}, []],
    ["the leaf not used for longest", { keepBytes: 39 }, ["d"]],
    ["as many as it takes", { keepBytes: 25 }, ["d", "c"]],
    ["children before what they are built on", { keepBytes: 0 }, ["d", "c", "b", "a"]],
    ["what is old", { usedBeforeMs: 60 }, ["d"]],
    ["no layer under one that was used since", { usedBeforeMs: 300 }, ["d"]],
    ["everything that is old", { usedBeforeMs: 301 }, ["d", "c", "b", "a"]],
    ["until enough is free", { freeBytes: 15 }, ["d", "c"]],
    ["what any limit asks for", { usedBeforeMs: 60, keepBytes: 20 }, ["d", "c"]],
  ])("%s", (_, limits, expected) => {
    expect(gone({ layers: chain }, limits)).toEqual(expected.map((name) => `layer ${name} 10`));
  });

  test("one with a tag, one that is held and what they are built on stay", () => {
    const tagged = { layers: chain, tags: [{ name: "keep", id: idOf("b") }] };
    expect(gone(tagged, { keepBytes: 0 })).toEqual(["layer d 10", "layer c 10"]);
    const held = { layers: chain, busy: new Set([idOf("d"), idOf("not made yet")]) };
    expect(gone(held, { keepBytes: 0 })).toEqual(["layer c 10", "layer b 10"]);
    expect(layersInUse(inventory(held))).toEqual(new Set([idOf("d"), idOf("a")]));
  });

  test("of equally old ones, children go first", () => {
    const layers = ["a", "b", "c"].map((name, index, names) =>
      layer(name, { used: 7, ...(index === 0 ? {} : { on: names[index - 1] ?? "" }) }),
    );
    expect(gone({ layers }, { keepBytes: 15 })).toEqual(["layer c 10", "layer b 10"]);
  });

  test("a chain of ten thousand, and a circle in damaged records, are no trouble", () => {
    const long = Array.from({ length: 10_000 }, (_, n) =>
      layer(`n${n}`, { used: n, ...(n === 0 ? {} : { on: `n${n - 1}` }) }),
    );
    const { removed } = selectPrune(
      inventory({ layers: long }),
      { keepBytes: 50_000 },
      {
        nowMs,
        freeBytes: 0,
      },
    );
    expect(removed.map(({ name }) => name)).toEqual(
      Array.from({ length: 5000 }, (_, n) => idOf(`n${9999 - n}`)),
    );
    const circle = [layer("a", { on: "b", used: 1 }), layer("b", { on: "a", used: 2 })];
    expect(gone({ layers: circle }, { keepBytes: 0 })).toHaveLength(2);
  });
});

describe("suspended machines", () => {
  const shared = file(100, 2);
  const layers = [
    layer("a", { used: 100, machine: { usedAtMs: 500, files: [file(5), shared] } }),
    layer("b", { on: "a", used: 50, machine: { usedAtMs: 400, files: [file(7), shared] } }),
  ];

  test("go before any layer, and a shared file counts when its last name goes", () => {
    expect(gone({ layers }, { keepBytes: 125 })).toEqual(["machine b 7"]);
    expect(gone({ layers }, { keepBytes: 124 })).toEqual(["machine b 7", "machine a 105"]);
    expect(gone({ layers }, { keepBytes: 19 })).toEqual([
      "machine b 7",
      "machine a 105",
      "layer b 10",
    ]);
  });

  test("by their own last use; an old layer takes a younger machine along", () => {
    expect(gone({ layers }, { usedBeforeMs: 450 })).toEqual([
      "machine b 7",
      "layer b 10",
      "layer a 115",
    ]);
  });

  test("stay with a layer that a build needs, and not with one that has a tag", () => {
    expect(gone({ layers, busy: new Set([idOf("a")]) }, { keepBytes: 0 })).toEqual([
      "machine b 7",
      "layer b 10",
    ]);
    const tags = [{ name: "keep", id: idOf("b") }];
    expect(gone({ layers, tags }, { keepBytes: 0 })).toEqual(["machine b 7", "machine a 105"]);
  });
});

describe("base images", () => {
  const old = nowMs - IMAGE_GRACE_MS - 1;
  const image = (digest: string, changedAtMs = old) => ({
    digest,
    changedAtMs,
    files: [file(1000)],
  });
  const layers = [
    layer("a", { used: 1, images: ["disk", "kernel"] }),
    layer("b", { used: 2, images: ["disk"] }),
  ];

  test("go when no layer and no name uses them", () => {
    const images = [image("disk"), image("kernel"), image("nobody"), image("named")];
    const parts = { layers, images, imagesInUse: new Set(["named"]) };
    expect(gone(parts, {})).toEqual(["image nobody 1000"]);
    expect(gone(parts, { keepBytes: 10 })).toEqual([
      "layer a 10",
      "image nobody 1000",
      "image kernel 1000",
    ]);
    expect(gone(parts, { keepBytes: 0 })).toContain("image disk 1000");
  });

  test("stay for an hour after they came or were asked for", () => {
    expect(gone({ images: [image("young", nowMs - IMAGE_GRACE_MS)] }, { keepBytes: 0 })).toEqual(
      [],
    );
  });

  test("count for what shall be free, before any layer goes", () => {
    const parts = { layers, images: [image("nobody")] };
    expect(gone(parts, { freeBytes: 1000 })).toEqual(["image nobody 1000"]);
    expect(gone(parts, { freeBytes: 1001 })).toEqual(["layer a 10", "image nobody 1000"]);
  });
});

describe("logs and caches", () => {
  const failedLogs = [
    { id: "young", writtenAtMs: 900, files: [file(3)] },
    { id: "old", writtenAtMs: 100, files: [file(4)] },
  ];
  const caches = [
    { name: "npm", usedAtMs: 900, files: [file(30)] },
    { name: "apt", usedAtMs: 100, files: [file(40)] },
  ];

  test("logs go by age, or when room is wanted, which keeping does not count", () => {
    expect(gone({ failedLogs }, { usedBeforeMs: 500 })).toEqual(["failed-log old 4"]);
    expect(gone({ failedLogs }, { freeBytes: 5 })).toEqual([
      "failed-log old 4",
      "failed-log young 3",
    ]);
    expect(gone({ failedLogs }, { keepBytes: 0 })).toEqual([]);
  });

  test("caches count for what is kept and go only when asked for, after everything else", () => {
    const parts = { layers: chain, caches };
    expect(gone(parts, { keepBytes: 109 })).toEqual(["layer d 10"]);
    expect(gone(parts, { keepBytes: 60 })).toHaveLength(4);
    expect(gone(parts, { keepBytes: 60, caches: true }).slice(-1)).toEqual(["cache apt 40"]);
    expect(gone({ caches }, { usedBeforeMs: 500, caches: true })).toEqual(["cache apt 40"]);
  });
});
