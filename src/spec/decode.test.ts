import { describe, expect, test } from "vitest";
import { parseSpec } from "./parse-spec.ts";
import type { Op, Spec } from "./spec.ts";

/** The spec without ranges, which other tests look at. */
function parse(text: string): unknown {
  const parsed = parseSpec({ name: "test", text });
  if (!parsed.ok) throw new Error(parsed.error.map(({ message }) => message).join("\n"));
  return stripRanges(parsed.value.spec);
}

function stripRanges(value: unknown): unknown {
  const json = JSON.stringify(value, (key, part: unknown) => (key === "range" ? undefined : part));
  return JSON.parse(json);
}

function opOf(directive: string): unknown {
  const spec = parse(`((build dev ((from b))) (from a) ${directive})`) as Spec;
  expect(spec.ops).toHaveLength(1);
  return spec.ops[0];
}

const run: Omit<Op & { op: "run" }, "range"> = {
  op: "run",
  command: "x",
  caches: [],
  network: [],
  secrets: [],
};

const mount = { id: "c", target: "/x", buildkitOptions: [] };
const copy = { op: "copy", from: { kind: "context" }, src: [{ path: "a" }], dst: "b", exclude: [] };

// Except for our own additions, each row was put to OBuilder, which read it as the same.
describe("directives", () => {
  test.each<[string, unknown]>([
    ["(comment x)", { op: "comment", text: "x" }],
    ["(Comment x)", { op: "comment", text: "x" }],
    ['(comment "")', { op: "comment", text: "" }],
    ["(workdir /src)", { op: "workdir", path: "/src" }],
    ["(Workdir src)", { op: "workdir", path: "src" }],
    ["(shell /bin/bash -c)", { op: "shell", argv: ["/bin/bash", "-c"] }],
    ['(Shell cmd /S /C "")', { op: "shell", argv: ["cmd", "/S", "/C", ""] }],
    ["(shell)", { op: "shell", argv: [] }],
    ["(env A B)", { op: "env", name: "A", value: "B" }],
    ['(env A "")', { op: "env", name: "A", value: "" }],
    ["(env A b=c)", { op: "env", name: "A", value: "b=c" }],
    ["(Env (A B))", { op: "env", name: "A", value: "B" }],
    ["(user (uid 1) (gid 2))", { op: "user", user: { kind: "unix", uid: 1, gid: 2 } }],
    [
      "(user (uid 0x3e8) (gid 1_000))",
      { op: "user", user: { kind: "unix", uid: 1000, gid: 1000 } },
    ],
    [
      "(user (uid 0) (gid 4294967294))",
      { op: "user", user: { kind: "unix", uid: 0, gid: 4294967294 } },
    ],
    ["(User ((uid 1) (gid 2)))", { op: "user", user: { kind: "unix", uid: 1, gid: 2 } }],
    ["(user (name opam))", { op: "user", user: { kind: "name", name: "opam" } }],
    ["(User ((name opam)))", { op: "user", user: { kind: "name", name: "opam" } }],
    ["(run (shell x))", run],
    ['("run" ("shell" x))', run],
    ["(Run ((shell x)))", run],
    ['(run (shell ""))', { ...run, command: "" }],
    ["(run (cache) (network) (secrets) (shell x))", run],
    ["(run (network host) (shell x))", { ...run, network: ["host"] }],
    ["(run (shell x) (network host nat))", { ...run, network: ["host", "nat"] }],
    ["(run (cache (c (target /x))) (shell x))", { ...run, caches: [mount] }],
    [
      "(run (cache (c (target /x)) (d (target y))) (shell x))",
      { ...run, caches: [mount, { ...mount, id: "d", target: "y" }] },
    ],
    [
      "(run (cache (c (buildkit_options ((sharing locked) (mode 1))) (target /x))) (shell x))",
      {
        ...run,
        caches: [
          {
            ...mount,
            buildkitOptions: [
              ["sharing", "locked"],
              ["mode", "1"],
            ],
          },
        ],
      },
    ],
    ["(run (cache (c (target /x) (buildkit_options ()))) (shell x))", { ...run, caches: [mount] }],
    ["(run (secrets (c (target /x))) (shell x))", { ...run, secrets: [mount] }],
    ["(copy (src a) (dst b))", copy],
    ["(copy (dst b) (src a))", copy],
    ["(Copy ((src a) (dst b)))", copy],
    ["(copy (from context) (src a) (dst b) (exclude))", copy],
    [
      "(copy (from (build dev)) (src a) (dst b))",
      { ...copy, from: { kind: "build", name: "dev" } },
    ],
    ["(copy (src a) (dst b) (exclude .git _build))", { ...copy, exclude: [".git", "_build"] }],
    ["(copy (src a c) (dst b/))", { ...copy, src: [{ path: "a" }, { path: "c" }], dst: "b/" }],
    ['(copy (src a c) (dst ""))', { ...copy, src: [{ path: "a" }, { path: "c" }], dst: "" }],
    ["(copy (src ..a) (dst ../b))", { ...copy, src: [{ path: "..a" }], dst: "../b" }],
  ])("%s", (directive, expected) => {
    expect(opOf(directive)).toEqual(expected);
  });

  test.each<[string, unknown]>([
    ["(user (gid 2) (uid 1))", { op: "user", user: { kind: "unix", uid: 1, gid: 2 } }],
    ["(run (timeout 1h30m) (shell x))", { ...run, timeoutMs: 5_400_000 }],
    ["(run (shell x) (timeout 90))", { ...run, timeoutMs: 90_000 }],
    ["(reboot)", { op: "reboot" }],
    ["(Reboot)", { op: "reboot" }],
  ])("%s is our own", (directive, expected) => {
    expect(opOf(directive)).toEqual(expected);
  });
});

describe("from and build", () => {
  const digest = "0123456789abcdef".repeat(4);
  test.each<[string, unknown]>([
    ["((from a))", { childBuilds: [], from: { name: "a" }, ops: [] }],
    ['((from "a b:c@d"))', { childBuilds: [], from: { name: "a b:c@d" }, ops: [] }],
    [`((from a@sha256:${digest}))`, { childBuilds: [], from: { name: "a", digest }, ops: [] }],
    [
      `((from a@sha256:${digest.toUpperCase()}))`,
      { childBuilds: [], from: { name: "a", digest }, ops: [] },
    ],
    [
      "((build x ((from b))) (from a))",
      {
        childBuilds: [{ name: "x", spec: { childBuilds: [], from: { name: "b" }, ops: [] } }],
        from: { name: "a" },
        ops: [],
      },
    ],
  ])("%s", (text, expected) => {
    expect(parse(text)).toEqual(expected);
  });

  test("a nested build sees the builds before it, at every level", () => {
    const copyFrom = (name: string): string => `(copy (from (build ${name})) (src a) (dst b))`;
    const text = `(
      (build x ((from a)))
      (build y ((build z ((from a) ${copyFrom("x")})) (from a) ${copyFrom("z")} ${copyFrom("x")}))
      (from a) ${copyFrom("y")})`;
    expect(parseSpec({ name: "test", text }).ok).toBe(true);
  });
});

test("ranges are those of the directives, mounts and paths", () => {
  const text =
    "((build x ((from b))) (from a) (run (cache (c (target /x))) (shell x)) (copy (src p) (dst q)))";
  const parsed = parseSpec({ name: "test", text });
  if (!parsed.ok) throw new Error("unexpected");
  const { spec } = parsed.value;
  const lexeme = ({ range }: { range: { start: number; end: number } }): string =>
    text.slice(range.start, range.end);
  const mounts = spec.ops.flatMap((op) => (op.op === "run" ? op.caches : []));
  const paths = spec.ops.flatMap((op) => (op.op === "copy" ? op.src : []));
  expect([...spec.childBuilds, spec.from, ...spec.ops, ...mounts, ...paths].map(lexeme)).toEqual([
    "(build x ((from b)))",
    "(from a)",
    "(run (cache (c (target /x))) (shell x))",
    "(copy (src p) (dst q))",
    "(c (target /x))",
    "p",
  ]);
});
