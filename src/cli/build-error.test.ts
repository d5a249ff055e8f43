import { expect, test } from "vitest";
import type { BuildFailure, StepFailure } from "../build/failure.ts";
import type { Step, StepId } from "../plan/step.ts";
import { buildErrors } from "./build-error.ts";

const source = { name: "x.spec", text: "((from a)\n (run (shell b))\n (copy c))" };

function failure(start: number, why: StepFailure): BuildFailure {
  const step: Step = {
    op: "run",
    id: "0".repeat(64) as StepId,
    build: [],
    heading: "(run (shell b))",
    range: { start, end: start + 1 },
    parent: "1".repeat(64) as StepId,
    context: { workdir: "/", env: [], user: { kind: "login" }, shell: ["/bin/sh", "-c"] },
    command: "b",
    network: false,
    secrets: [],
    caches: [],
    freshBoot: false,
  };
  return { step, failure: why };
}

const exited = failure(11, { reason: "command-failed", exitCode: 3 });
const missing = failure(28, {
  reason: "guest-files",
  build: "my tools",
  cause: { reason: "path-missing", path: "/out/none" },
});

test("one failure is one error, with its own exit code", () => {
  const errors = buildErrors({ ...missing, others: [], notBegun: 4 }, source, undefined);
  expect(errors).toHaveLength(1);
  expect(errors[0]).toMatchObject({
    message: 'x.spec:3:2: there is no /out/none in the build "my tools"',
    exitCode: 3,
    detail: undefined,
  });
});

test("several are told in order, with the exit code of the first and what was not begun", () => {
  const build = { ...exited, others: [missing, exited], notBegun: 1 };
  const errors = buildErrors(build, source, undefined);
  expect(errors.map(({ message }) => message)).toEqual([
    "x.spec:2:2: the command exited with status 3",
    expect.stringMatching(/^x.spec:3:2: there is no/),
    "x.spec:2:2: the command exited with status 3",
  ]);
  expect(errors.at(-1)).toMatchObject({ exitCode: 1, detail: "one more step was not begun" });
});

test("a build that was cancelled has the exit code of the signal", () => {
  const cancelled = failure(11, { reason: "cancelled" });
  const [error] = buildErrors({ ...cancelled, others: [], notBegun: 1 }, source, 130);
  expect(error).toMatchObject({ exitCode: 130, message: expect.stringContaining("cancelled") });
});

test.each<[StepFailure & { readonly reason: "guest-files" }, string]>([
  [{ reason: "guest-files", cause: { reason: "path-missing", path: "/x" } }, "no /x in the result"],
  [
    { reason: "guest-files", build: "b", cause: { reason: "special-file", path: "/x" } },
    "a device or a FIFO",
  ],
  [
    { reason: "guest-files", build: "b", cause: { reason: "name-not-utf8", path: "/x" } },
    "is not UTF-8",
  ],
  [
    { reason: "guest-files", build: "b", cause: { reason: "read-failed", message: "tar: no" } },
    "could not be read in the guest of the build b",
  ],
  [
    {
      reason: "guest-files",
      build: "b",
      cause: { reason: "archive-invalid", message: "it is cut off" },
    },
    "no good: it is cut off",
  ],
])("%j is worded", (why, words) => {
  const [error] = buildErrors({ ...failure(11, why), others: [], notBegun: 0 }, source, undefined);
  expect(error?.message).toContain(words);
});
