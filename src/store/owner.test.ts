import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import {
  formatIdentity,
  identifyProcess,
  livenessOf,
  newOwner,
  parseIdentity,
  parseOwner,
  parseStartTicks,
  type ProcessIdentity,
} from "./owner.ts";

const AFTER_NAME = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 19 20";

test.each([
  ["a plain name", `42 (node) ${AFTER_NAME}`, "4711"],
  ["a name with spaces and parentheses", `42 (a) S 1 (b)) ${AFTER_NAME}`, "4711"],
  ["a process nobody has waited for", `42 (node) Z ${AFTER_NAME.slice(2)}`, undefined],
])("the start time is found after %s", (_, stat, expected) => {
  expect(parseStartTicks(stat)).toBe(expected);
});

test("owners of this process are all different and all name it", async () => {
  const owners = await Promise.all(Array.from({ length: 100 }, () => newOwner()));
  expect(new Set(owners).size).toBe(100);
  const self = await identifyProcess(process.pid);
  expect(self?.pid).toBe(process.pid);
  for (const owner of owners) {
    expect(parseOwner(owner)).toEqual(self);
  }
});

test("what is no owner's name is not read as one", () => {
  expect(parseOwner("lost+found")).toBeUndefined();
  expect(parseOwner("-1-2-aaaaaaaa-3-bbbbbbbb")).toBeUndefined();
  expect(parseIdentity("1-2-aaaaaaaa-3")).toEqual({
    pid: 1,
    startTicks: "2",
    bootId: "aaaaaaaa",
    pidNamespace: "3",
  });
});

test("a process lives until it ends, and another one with its id is not it", async () => {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"]);
  const identity = await identifyProcess(child.pid ?? 0);
  if (identity === undefined) {
    throw new Error("the child is gone");
  }
  expect(parseIdentity(formatIdentity(identity))).toEqual(identity);
  expect(await livenessOf(identity)).toBe("running");
  const changed: [Partial<ProcessIdentity>, string][] = [
    [{ startTicks: "1" }, "ended"],
    [{ bootId: "00000000" }, "ended"],
    [{ pidNamespace: "1" }, "unknown"],
  ];
  for (const [change, liveness] of changed) {
    expect(await livenessOf({ ...identity, ...change })).toBe(liveness);
  }
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(await livenessOf(identity)).toBe("ended");
  expect(await identifyProcess(identity.pid)).toBeUndefined();
});
