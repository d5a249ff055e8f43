import { describe, expect, test } from "vitest";
import { BuildRig } from "../../test/support/build-rig.ts";
import { entryOf, type ImageNames, imageNames } from "./image-names.ts";

const digest = "0123456789abcdef".repeat(4);

function namesOf(table: Readonly<Record<string, string>>): ImageNames {
  const names = imageNames(Object.entries(table));
  if (!names.ok) throw new Error(JSON.stringify(names.error));
  return names.value;
}

function problemsOf(table: Readonly<Record<string, string>>): unknown {
  const names = imageNames(Object.entries(table));
  return names.ok ? [] : names.error;
}

describe("the entry of a from", () => {
  const names = namesOf({
    "debian:12": "debian-12",
    [`debian:12@sha256:${digest.toUpperCase()}`]: "old-debian",
    tagged: `layer@sha256:${digest.toUpperCase()}`,
  });

  test("is that of its whole text, in either case of the digest", () => {
    expect(entryOf({ name: "debian:12", digest }, names)?.base).toEqual({ name: "old-debian" });
  });

  test("or else that of its name", () => {
    const other = { name: "debian:12", digest: "0".repeat(64) };
    for (const from of [{ name: "debian:12" }, other]) {
      expect(entryOf(from, names)).toEqual({ name: "debian:12", base: { name: "debian-12" } });
    }
  });

  test("may pin what it stands for", () => {
    expect(entryOf({ name: "tagged" }, names)?.base).toEqual({ name: "layer", digest });
  });

  test("is no other's", () => {
    for (const name of ["debian", "Debian:12", "debian-12", "constructor", ""]) {
      expect(entryOf({ name }, names)).toBeUndefined();
    }
  });
});

describe("a table is refused", () => {
  test.each([
    ["", "a"],
    ["a", ""],
    ["a", "b@sha256:12"],
    ["a@sha256:xyz", "b"],
    [`@sha256:${digest}`, "b"],
  ])("for the name in %j = %j", (name, base) => {
    expect(problemsOf({ [name]: base })).toMatchObject([{ reason: "image-name-malformed", name }]);
  });

  test("for an entry that leads to another, with where that ends", () => {
    expect(problemsOf({ a: "b", b: "c", c: "d" })).toEqual([
      { reason: "image-name-leads-on", name: "a", base: "b", end: "d" },
      { reason: "image-name-leads-on", name: "b", base: "c", end: "d" },
    ]);
  });

  test.each([
    [{ a: "a" }],
    [{ a: "b", b: "a" }],
    [{ a: `a@sha256:${digest}` }],
    [{ a: "b", b: "c", c: "b" }],
  ])("for the circle %j", (table) => {
    const circles = Object.entries(table as Record<string, string>).map(([name, base]) => ({
      reason: "image-name-leads-on",
      name,
      base,
    }));
    expect(problemsOf(table as Record<string, string>)).toEqual(circles);
  });

  test("for one name twice", () => {
    const table = { [`a@sha256:${digest}`]: "x", [`a@sha256:${digest.toUpperCase()}`]: "y" };
    expect(problemsOf(table)).toMatchObject([{ reason: "image-name-twice", base: "y" }]);
  });
});

describe("a plan", () => {
  test("has the ids of the base image, whatever it is called", async () => {
    await using rig = await BuildRig.create();
    const images = namesOf({ "debian:12": "tiny", [`debian:12@sha256:${digest}`]: "tiny" });
    const plain = await rig.plan('((from tiny) (run (shell "true")))');
    for (const name of ["debian:12", `debian:12@sha256:${digest}`]) {
      const plan = await rig.plan(`((from ${name}) (run (shell "true")))`, { images });
      expect(plan.result).toBe(plain.result);
      expect(plan.steps[0]).toMatchObject({ heading: `(from ${name})`, base: { name: "tiny" } });
    }
  });

  test("takes an entry before a base image of the same name", async () => {
    await using rig = await BuildRig.create();
    await rig.putBase("other");
    const images = namesOf({ tiny: "other" });
    const swapped = await rig.plan("((from tiny))", { images });
    expect(swapped.result).toBe((await rig.plan("((from other))")).result);
  });

  test("holds a pin against the content where the entry is for the name alone", async () => {
    await using rig = await BuildRig.create();
    const images = namesOf({ "debian:12": "tiny" });
    const { steps } = await rig.plan("((from tiny))");
    const [first] = steps;
    const own = first?.op === "from" && first.base.kind === "image" ? first.base.digest : "";
    expect((await rig.plan(`((from debian:12@sha256:${own}))`, { images })).steps).toHaveLength(1);
    await expect(rig.plan(`((from debian:12@sha256:${digest}))`, { images })).rejects.toThrow(
      "base-digest-mismatch",
    );
    const pinned = namesOf({ a: `tiny@sha256:${own}`, b: `tiny@sha256:${digest}` });
    expect((await rig.plan("((from a))", { images: pinned })).steps).toHaveLength(1);
    await expect(rig.plan("((from b))", { images: pinned })).rejects.toThrow(
      "base-digest-mismatch",
    );
    await expect(rig.plan(`((from a@sha256:${digest}))`, { images: pinned })).rejects.toThrow(
      "base-digest-mismatch",
    );
  });
});
