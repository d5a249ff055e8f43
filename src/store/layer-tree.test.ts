import { expect, test } from "vitest";
import type { StepId } from "../plan/step.ts";
import { layerTree } from "./layer-tree.ts";

const id = (text: string) => text as StepId;
const tree = layerTree([
  { id: id("a") },
  { id: id("b"), parent: id("a") },
  { id: id("c"), parent: id("b") },
  { id: id("d"), parent: id("a") },
  { id: id("stray"), parent: id("gone") },
]);

test("knows children, and what is built on what", () => {
  expect(tree.childrenOf(id("a"))).toEqual(["b", "d"]);
  expect(tree.childrenOf(id("gone"))).toEqual([]);
  expect(tree.has(id("gone"))).toBe(false);
  expect([...tree.withDescendants([id("b")])]).toEqual(["b", "c"]);
  expect([...tree.withAncestors([id("c"), id("gone")])]).toEqual(["c", "b", "a"]);
});

test("orders children first, and otherwise leaves the order", () => {
  expect(tree.childrenFirst(["a", "d", "c", "b", "stray"].map(id))).toEqual([
    "c",
    "d",
    "b",
    "a",
    "stray",
  ]);
});
