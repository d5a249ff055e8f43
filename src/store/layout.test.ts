import { join } from "node:path";
import { expect, test } from "vitest";
import { backingPathOfImage, backingPathOfLayer, parseStageEntry, storeLayout } from "./layout.ts";

const id = "a".repeat(64);
const layout = storeLayout("/s");

test("a backing path means the same from a stage and from the layer it becomes", () => {
  for (const { diskDir } of [layout.stage(id, "o"), layout.layer(id)]) {
    expect(join(diskDir, backingPathOfLayer(id))).toBe(layout.layer(id).diskPath);
    expect(join(diskDir, backingPathOfImage("d"))).toBe(layout.baseImageByDigest("d"));
  }
});

test("entries of result-tmp are told apart by name", () => {
  expect(parseStageEntry(`${id}.1-2-aaaaaaaa-3-bbbbbbbb`)).toEqual({
    kind: "stage",
    id,
    owner: "1-2-aaaaaaaa-3-bbbbbbbb",
  });
  expect(parseStageEntry(`${id}.deleted.o`)).toEqual({ kind: "deleted", id, owner: "o" });
  expect(parseStageEntry("lost+found")).toBeUndefined();
  expect(parseStageEntry(id)).toBeUndefined();
});

test.each([
  ["a relative store", () => storeLayout("store")],
  ["a base image outside", () => layout.baseImage("../../etc/passwd", "raw")],
  ["a layer outside", () => layout.layer("../x")],
  ["the directory itself", () => layout.tag("")],
])("%s is refused", (_, make) => {
  expect(make).toThrow("Internal error");
});
