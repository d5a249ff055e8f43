import { describe, expect, test } from "vitest";
import { cloudInitStatus } from "./cloud-init-status.ts";

/** What 22.4.2 prints. */
const old = (status: string, errors: readonly string[] = []) =>
  JSON.stringify({
    _schema_version: "1",
    boot_status_code: "enabled-by-generator",
    datasource: "nocloud",
    detail: "DataSourceNoCloud [seed=/dev/vdb][dsmode=net]",
    errors,
    last_update: "Thu, 01 Jan 1970 00:00:31 +0000",
    schemas: { "1": { status, errors } },
    status,
  });

/** What 24.4 prints. */
const recent = (
  status: string,
  extended: string,
  errors: readonly string[] = [],
  recoverable: Readonly<Record<string, readonly string[]>> = {},
) =>
  JSON.stringify({
    boot_status_code: "enabled-by-generator",
    datasource: "nocloud",
    detail: "DataSourceNoCloud [seed=/dev/vdb]",
    errors,
    extended_status: extended,
    init: { errors, finished: 7.5, recoverable_errors: recoverable, start: 6.1 },
    last_update: "Thu, 01 Jan 1970 00:00:31 +0000",
    recoverable_errors: recoverable,
    stage: null,
    status,
  });

const failure = "('scripts_user', RuntimeError('Runparts: 1 failures (runcmd)'))";

describe("22.4", () => {
  test.each([
    ["done", [], { kind: "done" }],
    ["done", ["util.py[WARNING]: no"], { kind: "degraded", warnings: ["util.py[WARNING]: no"] }],
    ["running", [], { kind: "unfinished", status: "running" }],
    ["not run", [], { kind: "unfinished", status: "not run" }],
  ])("%s with the log %j", (status, logged, expected) => {
    expect(cloudInitStatus(old(status), logged)).toEqual(expected);
  });

  test("error", () => {
    expect(cloudInitStatus(old("error", [failure]), ["a"])).toEqual({
      kind: "error",
      errors: [failure],
    });
  });
});

describe("24.4", () => {
  // Its log has warnings that it does not count.
  test.each([
    [recent("done", "done"), { kind: "done" }],
    [
      recent("done", "degraded done", [], { WARNING: ["one", "two"], ERROR: ["three"] }),
      { kind: "degraded", warnings: ["WARNING: one", "WARNING: two", "ERROR: three"] },
    ],
    [recent("error", "error - done", [failure]), { kind: "error", errors: [failure] }],
    [recent("running", "degraded running"), { kind: "unfinished", status: "running" }],
  ])("%s", (text, expected) => {
    expect(cloudInitStatus(text, ["a"])).toEqual(expected);
  });
});

describe("status.json", () => {
  const file = (stages: Readonly<Record<string, unknown>>) =>
    JSON.stringify({
      v1: { datasource: "DataSourceNoCloud [seed=/dev/vdb]", stage: null, ...stages },
    });
  const ran = { start: 6.1, finished: 7.5 };
  const recentStage = (recoverable: Readonly<Record<string, readonly string[]>>) => ({
    ...ran,
    errors: [],
    recoverable_errors: recoverable,
  });

  test.each([
    ["22.4, done", { init: { ...ran, errors: [] } }, [], { kind: "done" }],
    [
      "22.4, with warnings in its log",
      { init: { ...ran, errors: [] } },
      ["util.py[WARNING]: no"],
      { kind: "degraded", warnings: ["util.py[WARNING]: no"] },
    ],
    [
      "22.4, failed",
      { init: { ...ran, errors: [] }, "modules-final": { ...ran, errors: [failure] } },
      ["a"],
      { kind: "error", errors: [failure] },
    ],
    ["24.4, done", { init: recentStage({}) }, ["a"], { kind: "done" }],
    [
      "24.4, degraded",
      { init: recentStage({ WARNING: ["one"] }), "modules-final": recentStage({ ERROR: ["two"] }) },
      [],
      { kind: "degraded", warnings: ["WARNING: one", "ERROR: two"] },
    ],
  ])("%s", (_, stages, logged, expected) => {
    expect(cloudInitStatus(file(stages), logged)).toEqual(expected);
  });
});

describe("no JSON", () => {
  test.each([
    ["\nstatus: done\ntime: Thu, 01 Jan 1970\ndetail:\nDataSourceNoCloud\n", { kind: "done" }],
    [
      "\nstatus: error\ntime: Thu\ndetail:\n('runcmd', TypeError())\n",
      { kind: "error", errors: ["('runcmd', TypeError())"] },
    ],
    ["status: running\n", { kind: "unfinished", status: "running" }],
    ["cloud-init: not found\n", { kind: "unfinished", status: "unknown" }],
    ["", { kind: "unfinished", status: "unknown" }],
    ["[]", { kind: "unfinished", status: "unknown" }],
    ['{"status": 7, "errors": "x"}', { kind: "unfinished", status: "unknown" }],
  ])("%j", (text, expected) => {
    expect(cloudInitStatus(text, [])).toEqual(expected);
  });
});
