/**
 * How a CI builder uses vmbuild as a library: it plans two jobs that have their beginning in common, builds them at
 * once, shows what they print as it comes, cancels one, and keeps its store small.
 */
import { expect, test } from "vitest";
import {
  buildPlan,
  type BuildEnvironment,
  type BuildEvent,
  createBuildEnvironment,
  gatherInputs,
  openStore,
  parseSpec,
  type Plan,
  planSpec,
  type Result,
} from "../../src/index.ts";
import { VmRig } from "../support/vm-rig.ts";

/** A job of the builder: a build that can be watched and cancelled. */
class Job {
  readonly events: BuildEvent[] = [];
  readonly done: ReturnType<typeof buildPlan>;
  readonly #stop = new AbortController();
  readonly #watchers = new Set<() => void>();

  constructor(plan: Plan, environment: BuildEnvironment) {
    this.done = buildPlan(plan, environment, {
      signal: this.#stop.signal,
      onEvent: (event) => {
        this.events.push(event);
        for (const watch of this.#watchers) watch();
      },
    });
  }

  get output(): string {
    const chunks = this.events.flatMap((event) =>
      event.type === "step-output" ? [Buffer.from(event.chunk)] : [],
    );
    return Buffer.concat(chunks).toString();
  }

  /** Headings of the steps that this job has events of the type of. */
  steps(type: "step-saved" | "step-cached" | "step-attached"): readonly string[] {
    return this.events.flatMap((event) => (event.type === type ? [event.ref.step.heading] : []));
  }

  cancel(): void {
    this.#stop.abort();
  }

  printed(text: string): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.output.includes(text)) resolve();
      };
      this.#watchers.add(look);
      look();
    });
  }
}

function value<T>(result: Result<T, unknown>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

async function planned(text: string, environment: BuildEnvironment, contextDir: string) {
  const { spec } = value(parseSpec({ name: "job", text }));
  const { store, bases } = environment;
  const { signal } = new AbortController();
  return planSpec(spec, value(await gatherInputs(spec, { store, bases, contextDir, signal })));
}

test("two builds at once share what they have in common; one is cancelled, the other finishes; pruned", async () => {
  await using rig = await VmRig.create();
  await rig.put("file", "content");
  const store = value(await openStore(rig.store));
  const contextDir = rig.dir;
  const environment = createBuildEnvironment({ store, contextDir, jobs: 2, memoryBytes: 2 ** 28 });
  const common = `(from busybox) (copy (src file) (dst /file)) (run (shell "cat /file; sleep 2; echo made"))`;
  const plan = (own: string) =>
    planned(`(${common} (run (shell "${own}")))`, environment, contextDir);

  const first = new Job(await plan("echo begun; sleep 600"), environment);
  const second = new Job(await plan("echo finished"), environment);
  await first.printed("begun");
  first.cancel();
  const [cancelled, finished] = await Promise.all([first.done, second.done]);
  expect(cancelled).toMatchObject({ ok: false, error: { failure: { reason: "cancelled" } } });
  const layer = value(finished);

  // Each common step was run by one job and followed by the other, which saw the same output.
  for (const job of [first, second]) expect(job.output).toMatch(/^contentmade\n/);
  const attached = [...first.steps("step-attached"), ...second.steps("step-attached")];
  expect(attached.filter((heading) => heading.startsWith("(run"))).toHaveLength(1);
  expect(second.output).toBe("contentmade\nfinished\n");
  expect(await rig.machines()).toEqual([]);
  expect(await store.stages()).toEqual([]);

  const again = new Job(await plan("echo finished"), environment);
  expect(value(await again.done).id).toBe(layer.id);
  expect(again.steps("step-cached")).toHaveLength(4);
  expect(again.steps("step-saved")).toEqual([]);

  value(await store.tag("kept", layer.id));
  value(await store.prune({ keepBytes: 0 }));
  expect(await store.layers()).toHaveLength(4);
  value(await store.untag("kept"));
  value(await store.prune({ keepBytes: 0 }));
  expect(await store.layers()).toEqual([]);
});
