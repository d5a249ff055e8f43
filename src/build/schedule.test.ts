import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { BuildRig } from "../../test/support/build-rig.ts";
import {
  obedientSandbox,
  ScriptedSandbox,
  type ScriptedRun,
} from "../../test/support/scripted-sandbox.ts";
import type { FailedBuild } from "./failure.ts";
import { MachineSlots } from "./machine-slots.ts";

/** Two builds that need nothing of each other, and one that needs both. */
const twoBranches = `((build a ((from tiny) (run (shell "a1")) (run (shell "a2"))))
  (build b ((from tiny) (run (shell "b1")) (run (shell "b2"))))
  (from tiny)
  (run (shell "main"))
  (copy (from (build a)) (src /x) (dst /a))
  (copy (from (build b)) (src /x) (dst /b)))`;

const exit = (exitCode: number) =>
  ({ failure: { reason: "command-failed", exitCode }, savedCaches: [] }) as const;

/** The next runs, by what they run. */
async function runs(sandbox: ScriptedSandbox, count: number): Promise<Map<string, ScriptedRun>> {
  const found = new Map<string, ScriptedRun>();
  while (found.size < count) {
    const run = await sandbox.nextRun();
    found.set(run.what, run);
  }
  return found;
}

function run(all: ReadonlyMap<string, ScriptedRun>, what: string): ScriptedRun {
  const found = all.get(what);
  if (found === undefined) throw new Error(`${what} must run, and not ${[...all.keys()].join()}`);
  return found;
}

/** A failed build as the commands and exit codes of its failures. */
function told({ others, ...first }: FailedBuild): readonly string[] {
  return [first, ...others].map(({ step, failure }) =>
    failure.reason === "command-failed"
      ? `${step.heading} ${failure.exitCode}`
      : `${step.heading} ${failure.reason}`,
  );
}

const unbounded = { machines: Infinity, memoryBytes: Infinity, cpus: Infinity };

describe("by default, after a failure", () => {
  test("what runs is finished and kept, and nothing new begins", async () => {
    await using rig = await BuildRig.create();
    const sandbox = new ScriptedSandbox();
    const building = rig.build(twoBranches, sandbox);
    const first = await runs(sandbox, 2);
    const what = [...first.keys()];
    run(first, what[0] ?? "").fail(exit(7));
    run(first, what[1] ?? "").finish();
    const built = await building;
    if (built.ok) throw new Error("must fail");
    expect(told(built.error)).toEqual([`(run (shell ${what[0]})) 7`]);
    expect(built.error.notBegun).toBe(5);
    expect(sandbox.runs).toBe(2);
    const layers = (await rig.store.layers()).map(({ metadata }) => metadata.heading);
    expect(layers.sort()).toEqual(["(from tiny)", `(run (shell ${what[1]}))`]);
    expect(await readdir(join(rig.store.root, "result-tmp"))).toEqual([]);
  });

  test("what fails as well is told too, in order", async () => {
    await using rig = await BuildRig.create();
    const sandbox = new ScriptedSandbox();
    const building = rig.build(twoBranches, sandbox, {
      environment: { slots: new MachineSlots(unbounded) },
    });
    const first = await runs(sandbox, 3);
    run(first, "b1").fail(exit(2));
    // The first failure has been told before there is another.
    while (rig.events.every(({ type }) => type !== "step-failed"))
      await run(first, "a1").print(".");
    run(first, "main").fail(exit(3));
    run(first, "a1").finish();
    const built = await building;
    if (built.ok) throw new Error("must fail");
    expect(told(built.error)).toEqual(["(run (shell b1)) 2", "(run (shell main)) 3"]);
  });
});

describe("with keep-going, after a failure", () => {
  test("everything is built that does not need what failed", async () => {
    await using rig = await BuildRig.create();
    const sandbox = new ScriptedSandbox();
    const environment = { slots: new MachineSlots(unbounded) };
    const building = rig.build(twoBranches, sandbox, { keepGoing: true, environment });
    const first = await runs(sandbox, 3);
    run(first, "a1").fail(exit(7));
    run(first, "b1").finish();
    run(first, "main").finish();
    run(await runs(sandbox, 1), "b2").finish();
    const built = await building;
    if (built.ok) throw new Error("must fail");
    expect(told(built.error)).toEqual(["(run (shell a1)) 7"]);
    // The other command of build a, and both copies.
    expect(built.error.notBegun).toBe(3);
    expect((await rig.store.layers()).length).toBe(4);
  });

  test("a success of the main build is no success when another build failed", async () => {
    await using rig = await BuildRig.create();
    const sandbox = new ScriptedSandbox();
    const building = rig.build(
      `((build unused ((from tiny) (run (shell "bad")))) (from tiny) (run (shell "main")))`,
      sandbox,
      { keepGoing: true },
    );
    const both = await runs(sandbox, 2);
    run(both, "bad").fail(exit(1));
    run(both, "main").finish();
    const built = await building;
    expect(built.ok ? "ok" : told(built.error)).toEqual(["(run (shell bad)) 1"]);
  });
});

describe("cancelling", () => {
  test("ends all that run, and is told once", async () => {
    await using rig = await BuildRig.create();
    const sandbox = new ScriptedSandbox();
    const stop = new AbortController();
    const building = rig.build(twoBranches, sandbox, { signal: stop.signal, keepGoing: true });
    await runs(sandbox, 2);
    stop.abort();
    const built = await building;
    if (built.ok) throw new Error("must be cancelled");
    expect(built.error.failure.reason).toBe("cancelled");
    expect(built.error.others).toEqual([]);
    expect(sandbox.runs).toBe(2);
    expect(await readdir(join(rig.store.root, "result-tmp"))).toEqual([]);
  });

  test("after a failure leaves that the cause", async () => {
    await using rig = await BuildRig.create();
    const sandbox = new ScriptedSandbox();
    const stop = new AbortController();
    const building = rig.build(twoBranches, sandbox, { signal: stop.signal });
    const first = await runs(sandbox, 2);
    const [bad = "", slow = ""] = first.keys();
    run(first, bad).fail(exit(7));
    while (rig.events.every(({ type }) => type !== "step-failed"))
      await run(first, slow).print(".");
    stop.abort();
    const built = await building;
    if (built.ok) throw new Error("must fail");
    expect(told(built.error)).toEqual([`(run (shell ${bad})) 7`]);
  });
});

describe("machines", () => {
  test("never get more than the capacity", async () => {
    await using rig = await BuildRig.create();
    const sandbox = new ScriptedSandbox();
    const environment = { slots: new MachineSlots({ ...unbounded, machines: 1 }) };
    const building = rig.build(
      `((build a ((from tiny) (run (shell "a")))) (build b ((from tiny) (run (shell "b"))))
        (from tiny) (run (shell "main")))`,
      sandbox,
      { environment },
    );
    for (let count = 0; count < 3; count++) (await sandbox.nextRun()).finish();
    expect((await building).ok).toBe(true);
    expect(sandbox.mostAtOnce).toBe(1);
  });

  test("that are paused make room for a step, but for the one it goes on with", async () => {
    await using rig = await BuildRig.create();
    const sandbox = new ScriptedSandbox();
    const environment = { slots: new MachineSlots({ ...unbounded, machines: 3 }) };
    const plan = await rig.plan(`((from tiny) (run (shell "only")))`);
    const building = rig.build(`((from tiny) (run (shell "only")))`, sandbox, { environment });
    (await sandbox.nextRun()).finish();
    await building;
    expect(sandbox.rooms).toMatchObject([{ machines: 2, next: plan.steps[0]?.id }, undefined]);
  });
});

test("a nested build that only a finished step has needed is not built again", async () => {
  await using rig = await BuildRig.create();
  const text = (main: string) => `((build a ((from tiny) (run (shell "in a")))) (from tiny)
    (copy (from (build a)) (src /etc/hostname) (dst /h)) (run (shell "${main}")))`;
  const first = await rig.build(text("main"), obedientSandbox("/"));
  if (!first.ok) throw new Error(JSON.stringify(first.error));
  const nested = (await rig.store.layers()).find(({ metadata }) =>
    metadata.heading.includes("in a"),
  );
  if (nested === undefined) throw new Error("the nested build must be there");
  expect((await rig.store.delete(nested.id)).ok).toBe(true);
  const sandbox = obedientSandbox("/");
  expect((await rig.build(text("other"), sandbox)).ok).toBe(true);
  expect(sandbox.ran).toEqual(["other"]);
});
