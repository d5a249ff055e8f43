import { describe, expect, test } from "vitest";
import type { Op } from "../spec/spec.ts";
import { foldContext } from "./fold-context.ts";
import type { StepContext } from "./step.ts";

const range = { start: 0, end: 0 };
const initial: StepContext = {
  workdir: "/",
  env: [
    ["LANG", "C"],
    ["PATH", "/bin"],
  ],
  user: { kind: "login" },
  shell: ["/bin/sh", "-c"],
};

function env(name: string, value: string): Op {
  return { op: "env", name, value, range };
}

describe("foldContext", () => {
  test("workdir is joined to the one before", () => {
    const src = foldContext(initial, { op: "workdir", path: "/src", range });
    expect(foldContext(src, { op: "workdir", path: "./lib/", range }).workdir).toBe("/src/lib");
  });

  test("user and shell are replaced", () => {
    const user = { kind: "unix", uid: 1000, gid: 100 } as const;
    expect(foldContext(initial, { op: "user", user, range }).user).toEqual(user);
    const shell = foldContext(initial, { op: "shell", argv: ["/bin/bash", "-c"], range }).shell;
    expect(shell).toEqual(["/bin/bash", "-c"]);
  });

  test.each([
    ["in front", env("A", "1"), ["A=1", "LANG=C", "PATH=/bin"]],
    ["in between", env("M", "1"), ["LANG=C", "M=1", "PATH=/bin"]],
    ["at the end", env("Z", "1"), ["LANG=C", "PATH=/bin", "Z=1"]],
    ["replacing", env("PATH", "/usr/bin"), ["LANG=C", "PATH=/usr/bin"]],
    ["replacing the first", env("LANG", ""), ["LANG=", "PATH=/bin"]],
    ["another case is another name", env("Path", "x"), ["LANG=C", "PATH=/bin", "Path=x"]],
  ])("env stays sorted with one value per name: %s", (_, op, expected) => {
    expect(foldContext(initial, op).env.map((pair) => pair.join("="))).toEqual(expected);
  });

  test("what it was given is left alone", () => {
    const before = structuredClone(initial);
    foldContext(initial, env("PATH", "x"));
    expect(initial).toEqual(before);
  });

  test.each<Op>([
    { op: "comment", text: "x", range },
    { op: "reboot", range },
    { op: "run", command: "x", caches: [], network: [], secrets: [], range },
    { op: "copy", from: { kind: "context" }, src: [], dst: "/", exclude: [], range },
  ])("$op changes nothing", (op) => {
    expect(foldContext(initial, op)).toBe(initial);
  });
});
