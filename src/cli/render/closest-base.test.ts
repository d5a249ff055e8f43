import { expect, test } from "vitest";
import { closestBase } from "./closest-base.ts";

const recipes = ["busybox", "debian-12", "debian-13"];

test.each([
  ["ocaml/opam:debian-12", ["busybox", "debian-12"], "debian-12"],
  ["ocaml/opam:debian-12-ocaml-4.14", ["debian-12", "debian-13", "opam-12"], "debian-12"],
  ["debian:13", ["busybox", "debian-12"], "debian-13"],
  ["debian:12", ["busybox"], "debian-12"],
  ["debian", ["debian-13"], "debian-13"],
  ["alpine:3.19", ["debian-12"], "debian-12"],
  ["DEBIAN:12", ["debian-13", "debian-12"], "debian-12"],
  ["busibox", ["debian-12", "busybox"], "busybox"],
  ["alpine:3.19", [], "debian-12"],
])("%s among %j", (name, available, closest) => {
  expect(closestBase(name, available, recipes)).toBe(closest);
});

test("none where there is none", () => {
  expect(closestBase("alpine", [], [])).toBeUndefined();
});
