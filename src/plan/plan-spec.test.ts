import { describe, expect, test } from "vitest";
import { parseSpec } from "../spec/parse-spec.ts";
import { inputsNeeded } from "./inputs-needed.ts";
import { planSpec } from "./plan-spec.ts";
import type { Plan, PlanInputs } from "./plan.ts";
import type { CopyStep, RunStep, Step, StepContext, StepId } from "./step.ts";

const initial: StepContext = {
  workdir: "/",
  env: [["PATH", "/bin"]],
  user: { kind: "login" },
  shell: ["/bin/sh", "-c"],
};

const inputs: PlanInputs = {
  base: ({ name }) =>
    name.startsWith("tag-")
      ? { kind: "layer", name, id: name.slice(4).repeat(64) as StepId, initial }
      : {
          kind: "image",
          name,
          digest: `digest of ${name}`,
          guest: { arch: "x86_64" },
          initial: { ...initial, env: [["BASE", name]] },
        },
  manifest: (path, exclude) => ({
    source: path,
    entries: [],
    digest: `digest of ${path} without ${exclude.join()}`,
  }),
};

function plan(text: string, more: Partial<PlanInputs> = {}): Plan {
  const parsed = parseSpec({ name: "test.spec", text });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return planSpec(parsed.value.spec, { ...inputs, ...more });
}

function runs({ steps }: Plan): RunStep[] {
  return steps.filter((step): step is RunStep => step.op === "run");
}

function copies({ steps }: Plan): CopyStep[] {
  return steps.filter((step): step is CopyStep => step.op === "copy");
}

function headings(steps: readonly Step[]): string[] {
  return steps.map(({ build, heading }) => [...build, heading].join("/"));
}

describe("planSpec", () => {
  test("a chain of steps, each on the one before", () => {
    const { steps, result } = plan("((from debian) (run (shell a)) (copy (src x) (dst /y)))");
    expect(headings(steps)).toEqual([
      "(from debian)",
      "(run (shell a))",
      "(copy (src x) (dst /y))",
    ]);
    const [from, run, copy] = steps;
    expect(run).toMatchObject({ op: "run", parent: from?.id, command: "a" });
    expect(copy).toMatchObject({ op: "copy", parent: run?.id, source: { kind: "context" } });
    expect(result).toBe(copy?.id);
  });

  test("a spec of nothing but `from` is its base", () => {
    const { steps, result } = plan("((from debian))");
    expect(steps).toMatchObject([{ op: "from", id: result, build: [] }]);
  });

  test("the pin is part of the heading, not of the id", () => {
    const pinned = plan(`((from debian@sha256:${"a".repeat(64)}))`);
    expect(headings(pinned.steps)).toEqual([`(from debian@sha256:${"a".repeat(64)})`]);
    expect(pinned.result).toBe(plan("((from debian))").result);
  });

  test("each step has the context folded so far", () => {
    const text = `((from debian) (run (shell a)) (workdir /w) (env A 1) (env BASE x)
      (user (uid 1) (gid 2)) (shell bash -c) (run (shell b)) (copy (src x) (dst y)))`;
    const [first, second] = runs(plan(text));
    expect(first?.context).toEqual({ ...initial, env: [["BASE", "debian"]] });
    expect(second?.context).toEqual({
      workdir: "/w",
      env: [
        ["A", "1"],
        ["BASE", "x"],
      ],
      user: { kind: "unix", uid: 1, gid: 2 },
      shell: ["bash", "-c"],
    });
    const [copy] = copies(plan(text));
    expect(copy?.user).toEqual({ kind: "unix", uid: 1, gid: 2 });
    expect(copy?.items).toMatchObject([{ destination: "/w/y", manifest: { source: "x" } }]);
  });

  test("`host` and `nat` are one network", () => {
    const [none, host, nat] = runs(
      plan(
        "((from d) (run (shell a)) (run (network host) (shell a)) (run (network nat) (shell a)))",
      ),
    );
    expect([none?.network, host?.network, nat?.network]).toEqual([false, true, true]);
    expect(nat?.id).not.toBe(none?.id);
  });

  test("`reboot` is for the next step only, and a comment for none", () => {
    const text =
      '((from d) (reboot) (comment "x") (env A 1) (run (shell a)) (run (shell b)) (reboot))';
    expect(runs(plan(text)).map(({ freshBoot }) => freshBoot)).toEqual([true, false]);
    const without = plan("((from d) (env A 1) (run (shell a)) (run (shell b)))");
    expect(plan(text).result).toBe(without.result);
  });

  test("caches, secrets and timeout are handed on", () => {
    const [step] = runs(
      plan(`((from d) (run (cache (c (target /c))) (secrets (s (target /s))) (timeout 5s)
        (shell a)))`),
    );
    expect(step).toMatchObject({
      caches: [{ id: "c", target: "/c" }],
      secrets: [{ id: "s", target: "/s" }],
      timeoutMs: 5000,
    });
  });

  test("excluded names go to whoever makes the manifest", () => {
    const [step] = copies(plan("((from d) (copy (src a b) (dst /x/) (exclude .git _b .git)))"));
    expect(step?.items.map(({ manifest }) => manifest.digest)).toEqual([
      "digest of a without .git,_b",
      "digest of b without .git,_b",
    ]);
  });

  test("a tagged layer is its own first step, whatever size is asked for", () => {
    const { steps } = plan("((from tag-7) (run (shell a)))", { diskSizeBytes: 5 });
    expect(steps).toMatchObject([{ op: "from", id: "7".repeat(64) }, { parent: "7".repeat(64) }]);
    expect(steps[0]).not.toHaveProperty("diskSizeBytes");
  });

  test("the size asked for goes before the profile's", () => {
    const base: PlanInputs["base"] = ({ name }) => ({
      kind: "image",
      name,
      digest: "",
      guest: {},
      initial,
      diskSizeBytes: 10,
    });
    expect(plan("((from d))", { base }).steps).toMatchObject([{ diskSizeBytes: 10 }]);
    const asked = plan("((from d))", { base, diskSizeBytes: 20 });
    expect(asked.steps).toMatchObject([{ diskSizeBytes: 20 }]);
  });
});

describe("nested builds", () => {
  test("come first, from their own base's context", () => {
    const text = `((build a ((build b ((from one) (run (shell x)))) (from two) (run (shell y))))
      (from three) (run (shell z)))`;
    const { steps, result } = plan(text);
    expect(headings(steps)).toEqual([
      "a/b/(from one)",
      "a/b/(run (shell x))",
      "a/(from two)",
      "a/(run (shell y))",
      "(from three)",
      "(run (shell z))",
    ]);
    expect(runs(plan(text)).map(({ context }) => context.env)).toEqual([
      [["BASE", "one"]],
      [["BASE", "two"]],
      [["BASE", "three"]],
    ]);
    expect(result).toBe(steps.at(-1)?.id);
  });

  test("can be copied from, by absolute paths of theirs", () => {
    const { steps } = plan(`((build dev ((from one) (run (shell make))))
      (from two) (workdir /w)
      (copy (from (build dev)) (src home/./opam /etc//x/ /) (dst d/) (exclude b a b)))`);
    const [, make] = steps;
    expect(steps.at(-1)).toMatchObject({
      items: [],
      source: {
        kind: "build",
        name: "dev",
        id: make?.id,
        paths: [
          { path: "/home/opam", destination: "/w/d/opam" },
          { path: "/etc/x", destination: "/w/d/x" },
          { path: "/", destination: "/w/d" },
        ],
        exclude: ["a", "b"],
      },
    });
  });

  test("see what is finished around them, and an inner name hides an outer one", () => {
    const copy = "(copy (from (build a)) (src /x) (dst /x))";
    const text = `((build a ((from one)))
      (build b ((build c ((from two) ${copy})) (build a ((from three))) (from four) ${copy}))
      (from five) ${copy})`;
    const built = plan(text);
    const idOf = (name: string): StepId | undefined =>
      built.steps.find(({ heading }) => heading === `(from ${name})`)?.id;
    const sources = copies(built).map(({ source }) => (source.kind === "build" ? source.id : ""));
    expect(sources).toEqual([idOf("one"), idOf("three"), idOf("one")]);
  });

  test("what two builds have in common is listed once, in the first", () => {
    const { steps } = plan(`((build a ((from d) (run (shell x)) (run (timeout 1s) (shell y))))
      (build b ((from d) (run (shell x)) (run (timeout 2s) (shell y)) (run (shell z))))
      (from d) (run (shell x)))`);
    expect(headings(steps)).toEqual([
      "a/(from d)",
      "a/(run (shell x))",
      "a/(run (timeout 1s) (shell y))",
      "b/(run (shell z))",
    ]);
    expect(steps[2]).toMatchObject({ timeoutMs: 1000 });
  });

  test("every step comes after all it needs", () => {
    const { steps } = plan(`((build a ((from d) (run (shell x))))
      (build b ((from d) (copy (from (build a)) (src /x) (dst /x))))
      (from d) (copy (from (build b)) (src /x) (dst /x)) (run (shell y)))`);
    const seen = new Set<StepId>();
    for (const step of steps) {
      if (step.op !== "from") expect(seen).toContain(step.parent);
      if (step.op === "copy" && step.source.kind === "build") {
        expect(seen).toContain(step.source.id);
      }
      seen.add(step.id);
    }
  });
});

test("it asks for exactly what `inputsNeeded` says", () => {
  const text = `((build a ((from one) (copy (src x ./x) (dst /d/) (exclude b a b))))
    (from two) (copy (src x) (dst /x) (exclude a b)) (copy (src x) (dst /x)))`;
  const parsed = parseSpec({ name: "test.spec", text });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  const { bases, sources } = inputsNeeded(parsed.value.spec);
  const asked = { bases: new Set<string>(), sources: new Set<string>() };
  planSpec(parsed.value.spec, {
    base: (from) => {
      asked.bases.add(from.name);
      return inputs.base(from);
    },
    manifest: (path, exclude) => {
      asked.sources.add(JSON.stringify([path, exclude]));
      return inputs.manifest(path, exclude);
    },
  });
  expect([...asked.bases]).toEqual(bases.map(({ name }) => name));
  const needed = sources.map(({ path, exclude }) => JSON.stringify([path, exclude]));
  expect([...asked.sources]).toEqual(needed);
});

test("planning twice gives the same, and a change only what depends on it", () => {
  const text = (command: string): string =>
    `((from d) (run (shell a)) (run (shell ${command})) (run (shell c)))`;
  const before = plan(text("b"));
  expect(plan(text("b"))).toEqual(before);
  const after = plan(text("B"));
  expect(after.steps.map((step, index) => step.id === before.steps[index]?.id)).toEqual([
    true,
    true,
    false,
    false,
  ]);
});
