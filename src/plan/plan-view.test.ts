import { expect, test } from "vitest";
import { parseSpec } from "../spec/parse-spec.ts";
import { planToJson } from "./plan-json.ts";
import { planSpec } from "./plan-spec.ts";
import { planToText, shortId } from "./plan-text.ts";
import type { Plan } from "./plan.ts";
import type { StepContext } from "./step.ts";

const initial: StepContext = { workdir: "/", env: [], user: { kind: "login" }, shell: ["sh"] };

function plan(text: string): Plan {
  const parsed = parseSpec({ name: "test.spec", text });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return planSpec(parsed.value.spec, {
    base: ({ name }) => ({ kind: "image", name, digest: name, guest: {}, initial }),
    manifest: (source) => ({ source, entries: [], digest: source }),
  });
}

const NESTED = plan(`((build dev
   ((build "deps\nof dev" ((from debian) (run (shell "make deps"))))
    (from debian)
    (run (shell "make all"))))
 (build docs ((from alpine)))
 (from alpine)
 (copy (from (build dev)) (src /out) (dst /out))
 (run (shell "echo this command is rather longer than a row may be")))`);

test("text shows a tree of builds with short ids", () => {
  const cached = new Set(NESTED.steps.slice(0, 2).map(({ id }) => id));
  expect(planToText(NESTED, (id) => cached.has(id), { width: 60 })).toMatchInlineSnapshot(`
    "build dev
      build "deps\\nof dev"
        ab5faa0f44d6  cached  (from debian)
        0ae0d4601631  cached  (run (shell "make deps"))
      78f501776a83  to do   (run (shell "make all"))
    build docs
      d0cd55618800  to do   (from alpine)
    68a20fb8d412  to do   (copy (from (build dev)) (src /out) (…
    54a56f8a54fb  to do   (run (shell "echo this command is rat…
    "
  `);
});

test("a row is cut between characters", () => {
  const { steps, result } = plan('((from "😀😀😀"))');
  const row = (width: number): string => planToText({ steps, result }, () => true, { width });
  const start = `${shortId(result)}  cached  (from `;
  expect(row(start.length + 3)).toBe(`${start}😀😀…\n`);
  expect(row(start.length + 4)).toBe(`${start}😀😀😀)\n`);
});

test("JSON says what every step needs", () => {
  const json = planToJson(NESTED, () => false);
  const [, deps, make, , copy, run] = NESTED.steps.map(({ id }) => id);
  expect(json.version).toBe(1);
  expect(json.result).toBe(run);
  expect(json.steps.map(({ op, build, needs }) => [op, build.length, needs])).toEqual([
    ["from", 2, []],
    ["run", 2, [NESTED.steps[0]?.id]],
    ["run", 1, [NESTED.steps[0]?.id]],
    ["from", 1, []],
    ["copy", 0, [NESTED.steps[3]?.id, make]],
    ["run", 0, [copy]],
  ]);
  expect(json.steps[1]).toEqual({
    id: deps,
    op: "run",
    build: ["dev", "deps\nof dev"],
    heading: '(run (shell "make deps"))',
    needs: [NESTED.steps[0]?.id],
    cached: false,
  });
});

test("JSON asks about each step", () => {
  const cached = planToJson(NESTED, (id) => id === NESTED.result).steps.map((step) => step.cached);
  expect(cached).toEqual([false, false, false, false, false, true]);
});
