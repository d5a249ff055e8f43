import { MachineSlots } from "./machine-slots.ts";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { BuildRig } from "../../test/support/build-rig.ts";
import { ScriptedSandbox } from "../../test/support/scripted-sandbox.ts";
import { buildPlan } from "./build-plan.ts";
import type { BuildEnvironment } from "./environment.ts";
import type { BuildEvent } from "./event.ts";

const shared = `(run (shell "shared"))`;
const specA = `((from tiny) ${shared} (run (shell "a")))`;
const specB = `((from tiny) ${shared} (run (shell "b")))`;

/** One build of several, with what it told. */
interface Client {
  readonly built: ReturnType<typeof buildPlan>;
  readonly events: readonly BuildEvent[];
  cancel(): void;
  /** Resolves as soon as there was such an event. */
  saw(type: BuildEvent["type"]): Promise<void>;
  output(): string;
}

async function start(rig: BuildRig, env: BuildEnvironment, text = specA): Promise<Client> {
  const stop = new AbortController();
  const events: BuildEvent[] = [];
  const watchers = new Set<() => void>();
  const built = buildPlan(await rig.plan(text), env, {
    signal: stop.signal,
    onEvent: (event) => {
      events.push(event);
      for (const watch of watchers) watch();
    },
  });
  return {
    built,
    events,
    cancel: () => stop.abort(),
    saw: (type) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (events.some((event) => event.type === type)) resolve();
        };
        watchers.add(look);
        look();
      }),
    output: () =>
      events
        .map((event) => (event.type === "step-output" ? Buffer.from(event.chunk).toString() : ""))
        .join(""),
  };
}

/** Two builds that share a step: the first has it under way, the second is attached. */
async function twoClients(
  rig: BuildRig,
  options: { readonly separate?: boolean; readonly second?: Partial<BuildEnvironment> } = {},
) {
  const sandbox = new ScriptedSandbox();
  const env = rig.environment(sandbox);
  const first = await start(rig, env);
  const run = await sandbox.nextRun();
  await run.print("hello\n");
  const otherEnv = {
    ...(options.separate === true ? rig.environment(sandbox) : env),
    ...options.second,
  };
  const second = await start(rig, otherEnv, specB);
  await second.saw("step-attached");
  return { sandbox, run, first, second };
}

function stages(rig: BuildRig): Promise<string[]> {
  return readdir(join(rig.store.root, "result-tmp"));
}

async function failureOf({ built }: Client) {
  const outcome = await built;
  if (outcome.ok) throw new Error("must fail");
  return outcome.error;
}

// Builds of one environment share by its `steps`; those of two do as two processes would.
describe.each([
  ["in one environment", false],
  ["in two environments", true],
])("a step that two builds want at once, %s", (_, separate) => {
  test("is built once, and both get its layer and its log", async () => {
    await using rig = await BuildRig.create();
    const { sandbox, run, first, second } = await twoClients(rig, { separate });
    // Not by time but by order: the follower has the output before the step has ended.
    await second.saw("step-output");
    expect(second.output()).toBe("hello\n");
    await run.print("bye\n");
    run.finish();
    const next = [await sandbox.nextRun(), await sandbox.nextRun()];
    expect(next.map(({ what }) => what).sort()).toEqual(["a", "b"]);
    for (const each of next) each.finish();
    expect((await first.built).ok && (await second.built).ok).toBe(true);
    expect(first.output()).toBe("hello\nbye\n");
    expect(second.output()).toBe("hello\nbye\n");
    expect(sandbox.runs).toBe(3);
    const kinds = second.events.map(({ type }) => type);
    expect(kinds).toContain("step-attached");
    expect(kinds.filter((kind) => kind === "step-saved")).toHaveLength(2);
  });

  test("fails once, for both, with the same log", async () => {
    await using rig = await BuildRig.create();
    const { sandbox, run, first, second } = await twoClients(rig, { separate });
    const failure = { reason: "command-failed", exitCode: 3 } as const;
    run.fail({ failure, savedCaches: [] });
    const failures = [await failureOf(first), await failureOf(second)];
    expect(failures.map((each) => each.failure)).toEqual([failure, failure]);
    const [logId] = new Set(failures.map((each) => each.logId));
    const log = await rig.store.failedLog(logId ?? "");
    expect(log.ok && (await readFile(log.value, "utf8"))).toBe("hello\n");
    expect(second.output()).toBe("hello\n");
    expect(sandbox.runs).toBe(1);
    expect(await stages(rig)).toEqual([]);
  });

  test("is tried by the other when the machine was lost", async () => {
    await using rig = await BuildRig.create();
    const { sandbox, run, first, second } = await twoClients(rig, { separate });
    run.fail({
      failure: {
        reason: "connection-lost",
        cause: "qemu-ended",
        message: "",
        serialTail: "",
      },
      savedCaches: [],
    });
    (await sandbox.nextRun()).finish();
    (await sandbox.nextRun()).finish();
    expect((await failureOf(first)).failure.reason).toBe("connection-lost");
    expect((await second.built).ok).toBe(true);
    expect(second.events.map(({ type }) => type)).toContain("step-detached");
  });

  test("goes on when the follower leaves", async () => {
    await using rig = await BuildRig.create();
    const { sandbox, run, first, second } = await twoClients(rig, { separate });
    second.cancel();
    expect((await failureOf(second)).failure.reason).toBe("cancelled");
    expect(run.hooks.signal.aborted).toBe(false);
    run.finish();
    (await sandbox.nextRun()).finish();
    expect((await first.built).ok).toBe(true);
    expect(sandbox.runs).toBe(2);
  });

  test("leaves nothing when both leave", async () => {
    await using rig = await BuildRig.create();
    const { run, first, second } = await twoClients(rig, { separate });
    second.cancel();
    await second.built;
    first.cancel();
    expect((await failureOf(first)).failure.reason).toBe("cancelled");
    expect(run.hooks.signal.aborted).toBe(true);
    expect(await stages(rig)).toEqual([]);
    expect((await rig.store.layers()).map(({ metadata }) => metadata.op)).toEqual(["from"]);
  });

  test("is run by a follower that wants to look into the failed machine", async () => {
    await using rig = await BuildRig.create();
    const { sandbox, run, second } = await twoClients(rig, {
      separate,
      second: { keepFailed: true },
    });
    run.fail({ failure: { reason: "command-failed", exitCode: 3 }, savedCaches: [] });
    (await sandbox.nextRun()).finish();
    (await sandbox.nextRun()).finish();
    expect((await second.built).ok).toBe(true);
  });
});

test("in one environment a step goes on when the build that began it leaves", async () => {
  await using rig = await BuildRig.create();
  const { sandbox, run, first, second } = await twoClients(rig);
  first.cancel();
  expect((await failureOf(first)).failure.reason).toBe("cancelled");
  expect(run.hooks.signal.aborted).toBe(false);
  await run.print("still here\n");
  run.finish();
  (await sandbox.nextRun()).finish();
  expect((await second.built).ok).toBe(true);
  expect(second.output()).toBe("hello\nstill here\n");
  expect(first.output()).toBe("hello\n");
  expect(sandbox.runs).toBe(2);
});

test("in one environment the last of many to leave cancels the step, and only then", async () => {
  await using rig = await BuildRig.create();
  const { run, first, second } = await twoClients(rig);
  first.cancel();
  await first.built;
  expect(run.hooks.signal.aborted).toBe(false);
  second.cancel();
  await second.built;
  expect(run.hooks.signal.aborted).toBe(true);
  expect(await stages(rig)).toEqual([]);
});

test("in another environment the follower builds the step when the builder is cancelled", async () => {
  await using rig = await BuildRig.create();
  const { sandbox, first, second } = await twoClients(rig, { separate: true });
  await second.saw("step-output");
  first.cancel();
  const run = await sandbox.nextRun();
  expect(run.what).toBe("shared");
  await run.print("once more\n");
  run.finish();
  (await sandbox.nextRun()).finish();
  expect((await second.built).ok).toBe(true);
  expect(second.output()).toBe("hello\nonce more\n");
});

test("builds that begin at the same moment build a step once", async () => {
  await using rig = await BuildRig.create();
  const sandbox = new ScriptedSandbox();
  const env = rig.environment(sandbox);
  const clients = await Promise.all(
    [env, env, rig.environment(sandbox), rig.environment(sandbox)].map((each) =>
      start(rig, each, `((from tiny) ${shared})`),
    ),
  );
  const run = await sandbox.nextRun();
  await run.print("hello\n");
  run.finish();
  const layers = await Promise.all(clients.map(({ built }) => built));
  expect(layers.every(({ ok }) => ok)).toBe(true);
  expect(sandbox.runs).toBe(1);
  expect(clients.map((client) => client.output())).toEqual(clients.map(() => "hello\n"));
});

test("a timeout is shared with those who have no more patience", async () => {
  await using rig = await BuildRig.create();
  const sandbox = new ScriptedSandbox();
  const env = rig.environment(sandbox);
  const spec = (timeout: string): string => `((from tiny) (run ${timeout} (shell "slow")))`;
  const first = await start(rig, env, spec("(timeout 10s)"));
  const run = await sandbox.nextRun();
  const patient = await start(rig, rig.environment(sandbox), spec(""));
  const same = await start(rig, rig.environment(sandbox), spec("(timeout 10s)"));
  await Promise.all([patient, same].map((client) => client.saw("step-attached")));
  const failure = { reason: "command-timed-out", timeoutMs: 10_000 } as const;
  run.fail({ failure, savedCaches: [] });
  expect((await failureOf(first)).failure).toEqual(failure);
  expect((await failureOf(same)).failure).toEqual(failure);
  (await sandbox.nextRun()).finish();
  expect((await patient.built).ok).toBe(true);
});

test("a follower is told that the log was cut", async () => {
  await using rig = await BuildRig.create();
  const sandbox = new ScriptedSandbox();
  const spec = `((from tiny) ${shared})`;
  const first = await start(rig, rig.environment(sandbox, { logLimitBytes: 10 }), spec);
  const run = await sandbox.nextRun();
  await run.print("0123456789abcdef");
  const second = await start(rig, rig.environment(sandbox), spec);
  await second.saw("step-attached");
  run.finish();
  await Promise.all([first.built, second.built]);
  expect(first.output()).toBe("0123456789abcdef");
  expect(second.output()).toBe(
    "0123456789\n[vmbuild: the log is cut here; 6 more bytes were printed]\n",
  );
});

test("a follower holds no slot", async () => {
  await using rig = await BuildRig.create();
  const sandbox = new ScriptedSandbox();
  const first = await start(rig, rig.environment(sandbox), `((from tiny) ${shared})`);
  const run = await sandbox.nextRun();
  const second = await start(
    rig,
    rig.environment(sandbox, {
      slots: new MachineSlots({ machines: 1, memoryBytes: Infinity, cpus: Infinity }),
    }),
    `((build other ((from tiny) (run (shell "other")))) (from tiny) ${shared})`,
  );
  await second.saw("step-attached");
  const other = await sandbox.nextRun();
  expect(other.what).toBe("other");
  other.finish();
  run.finish();
  expect((await first.built).ok && (await second.built).ok).toBe(true);
});

test("a layer cannot be deleted while a step on it is followed, and is not missed when it is later", async () => {
  await using rig = await BuildRig.create();
  const { sandbox, run, first, second } = await twoClients(rig, { separate: true });
  const [base] = await rig.store.layers();
  if (base === undefined) throw new Error("the base must be there");
  expect(await rig.store.delete(base.id)).toMatchObject({ error: { reason: "layer-in-use" } });
  run.finish();
  for (const next of [await sandbox.nextRun(), await sandbox.nextRun()]) next.finish();
  expect((await first.built).ok && (await second.built).ok).toBe(true);
});
