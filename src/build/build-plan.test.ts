import { readFileSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { expectOk } from "../../test/laws/store-fixture.ts";
import { BuildRig } from "../../test/support/build-rig.ts";
import { obedientSandbox, ScriptedSandbox } from "../../test/support/scripted-sandbox.ts";

const twoRuns = `((from tiny) (run (shell "first")) (run (shell "second")))`;

describe("a chain of steps", () => {
  test("is built in order and every step becomes a layer", async () => {
    await using rig = await BuildRig.create();
    const sandbox = obedientSandbox();
    const built = await rig.build(twoRuns, sandbox);
    expect(built.ok).toBe(true);
    expect(sandbox.ran).toEqual(["first", "second"]);
    expect((await rig.store.layers()).map(({ metadata }) => metadata.heading).sort()).toEqual([
      "(from tiny)",
      "(run (shell first))",
      "(run (shell second))",
    ]);
  });

  test("is not built again, and its logs are replayed", async () => {
    await using rig = await BuildRig.create();
    const first = await rig.build(twoRuns, obedientSandbox());
    rig.events.length = 0;
    const sandbox = obedientSandbox();
    const second = await rig.build(twoRuns, sandbox);
    expect(sandbox.ran).toEqual([]);
    expect(second).toEqual(first);
    expect(rig.eventTypes()).toEqual([
      "1 step-started",
      "1 step-cached",
      "2 step-started",
      "2 step-output",
      "2 step-cached",
      "3 step-started",
      "3 step-output",
      "3 step-cached",
    ]);
    const outputs = rig.events.flatMap((event) =>
      event.type === "step-output" ? [Buffer.from(event.chunk).toString()] : [],
    );
    expect(outputs).toEqual(["ran first\n", "ran second\n"]);
  });

  test("runs only what a change reaches", async () => {
    await using rig = await BuildRig.create();
    await rig.build(twoRuns, obedientSandbox());
    const sandbox = obedientSandbox();
    await rig.build(`((from tiny) (run (shell "first")) (run (shell "other")))`, sandbox);
    expect(sandbox.ran).toEqual(["other"]);
  });

  test("a replaced base image makes new layers and harms no old one", async () => {
    await using rig = await BuildRig.create();
    const before = await rig.build(twoRuns, obedientSandbox());
    await rig.putBase("tiny", "another content");
    const sandbox = obedientSandbox();
    const after = await rig.build(twoRuns, sandbox);
    expect(sandbox.ran).toEqual(["first", "second"]);
    if (!before.ok || !after.ok) throw new Error("both must build");
    expect(after.value.id).not.toBe(before.value.id);
    const digests = await readdir(join(rig.store.root, "base-image", "sha256"));
    expect(digests).toContain(before.value.metadata.base.digest);
    expect(
      (
        await readFile(
          join(rig.store.root, "base-image", "sha256", before.value.metadata.base.digest),
        )
      )
        .subarray(0, 4)
        .toString(),
    ).toBe("tiny");
  });
});

describe("a failure", () => {
  test("ends the build, promotes nothing of the step, and keeps its log", async () => {
    await using rig = await BuildRig.create();
    const sandbox = new ScriptedSandbox();
    const building = rig.build(twoRuns, sandbox);
    const run = await sandbox.nextRun();
    await run.print("half way\n");
    run.fail({ failure: { reason: "command-failed", exitCode: 3 }, savedCaches: [] });
    const built = await building;
    if (built.ok) throw new Error("must fail");
    expect(built.error.failure).toEqual({ reason: "command-failed", exitCode: 3 });
    expect(built.error.step.heading).toBe("(run (shell first))");
    expect(sandbox.runs).toBe(1);
    expect((await rig.store.layers()).map(({ metadata }) => metadata.op)).toEqual(["from"]);
    expect(await readdir(join(rig.store.root, "result-tmp"))).toEqual([]);
    const log = await rig.store.failedLog(built.error.logId ?? "");
    if (!log.ok) throw new Error("the log must be kept");
    expect(await readFile(log.value, "utf8")).toBe("half way\n");
  });

  test("is not remembered: the step runs again the next time", async () => {
    await using rig = await BuildRig.create();
    const failing = new ScriptedSandbox();
    const building = rig.build(twoRuns, failing);
    (await failing.nextRun()).fail({
      failure: { reason: "command-failed", exitCode: 1 },
      savedCaches: [],
    });
    await building;
    const sandbox = obedientSandbox();
    expect((await rig.build(twoRuns, sandbox)).ok).toBe(true);
    expect(sandbox.ran).toEqual(["first", "second"]);
  });
});

describe("cancelling", () => {
  test("ends the running step and leaves nothing of it", async () => {
    await using rig = await BuildRig.create();
    const sandbox = new ScriptedSandbox();
    const stop = new AbortController();
    const building = rig.build(twoRuns, sandbox, { signal: stop.signal });
    const run = await sandbox.nextRun();
    await run.print("started\n");
    stop.abort();
    const built = await building;
    if (built.ok) throw new Error("must be cancelled");
    expect(built.error.failure.reason).toBe("cancelled");
    expect(await readdir(join(rig.store.root, "result-tmp"))).toEqual([]);
    expect(sandbox.runs).toBe(1);
  });
});

describe("nested builds", () => {
  const nested = `((build a ((from tiny) (run (shell "in a"))))
                   (build b ((from tiny) (run (shell "in b"))))
                   (from tiny)
                   (run (shell "main")))`;

  test("run at once as far as there are slots", async () => {
    await using rig = await BuildRig.create();
    const sandbox = new ScriptedSandbox();
    const building = rig.build(nested, sandbox);
    const runs = [await sandbox.nextRun(), await sandbox.nextRun()];
    expect(sandbox.mostAtOnce).toBe(2);
    for (const run of runs) run.finish();
    (await sandbox.nextRun()).finish();
    expect((await building).ok).toBe(true);
    expect(sandbox.mostAtOnce).toBe(2);
  });

  test("share a step that occurs twice", async () => {
    await using rig = await BuildRig.create();
    const sandbox = obedientSandbox();
    await rig.build(
      `((build a ((from tiny) (run (shell "same")))) (from tiny) (run (shell "same")))`,
      sandbox,
    );
    expect(sandbox.ran).toEqual(["same"]);
  });
});

describe("caches", () => {
  const cached = (command: string): string =>
    `((from tiny) (run (cache (c (target /c))) (shell "${command}")))`;

  test("are private to a step and published when it has finished", async () => {
    await using rig = await BuildRig.create();
    await rig.build(cached("one"), obedientSandbox());
    const sandbox = new ScriptedSandbox();
    const building = rig.build(cached("two"), sandbox);
    const run = await sandbox.nextRun();
    const { task } = run.job;
    if (task.kind !== "command") throw new Error("must be a command");
    const [cache] = task.caches;
    const leased = await cache?.openTar(run.hooks.signal);
    expect(readFileSync(leased?.ok === true ? leased.value.fd : -1, "utf8")).toBe(
      "content of c after one",
    );
    await writeFile(cache?.newContentPath ?? "", "newer");
    run.finish([{ target: "/c", form: "tar" }]);
    await building;
    await using lease = expectOk(await rig.store.cache("c"));
    const newer = expectOk(await lease.openTar(run.hooks.signal));
    expect(readFileSync(newer.fd, "utf8")).toBe("newer");
  });

  test("keep what a failed command has put in, but only what was saved whole", async () => {
    await using rig = await BuildRig.create();
    const sandbox = new ScriptedSandbox();
    const building = rig.build(
      `((from tiny) (run (cache (whole (target /w)) (torn (target /t))) (shell "x")))`,
      sandbox,
    );
    const run = await sandbox.nextRun();
    if (run.job.task.kind !== "command") throw new Error("must be a command");
    for (const cache of run.job.task.caches) await writeFile(cache.newContentPath, cache.name);
    run.fail({
      failure: { reason: "command-failed", exitCode: 1 },
      savedCaches: [{ target: "/w", form: "tar" }],
    });
    await building;
    expect((await rig.store.caches()).map(({ name }) => name)).toEqual(["whole"]);
  });

  test("a target that is not absolute is below the working directory", async () => {
    await using rig = await BuildRig.create();
    const sandbox = new ScriptedSandbox();
    const building = rig.build(
      `((from tiny) (workdir /src) (run (cache (c (target build))) (shell "x")))`,
      sandbox,
    );
    const run = await sandbox.nextRun();
    if (run.job.task.kind !== "command") throw new Error("must be a command");
    expect(run.job.task.caches[0]?.target).toBe("/src/build");
    run.finish();
    await building;
  });
});

describe("a tag", () => {
  test("can stand in `from`, and its layer is not built again", async () => {
    await using rig = await BuildRig.create();
    const first = await rig.build(twoRuns, obedientSandbox());
    if (!first.ok) throw new Error("must build");
    await rig.store.tag("mine", first.value.id);
    const sandbox = obedientSandbox();
    const built = await rig.build(`((from mine) (run (shell "third")))`, sandbox);
    expect(sandbox.ran).toEqual(["third"]);
    expect(built.ok && built.value.metadata.parent).toBe(first.value.id);
  });
});

describe("copy", () => {
  test("a changed file or execute bit makes a new layer, a changed time does not", async () => {
    await using rig = await BuildRig.create();
    await mkdir(join(rig.contextDir, "d"));
    const file = join(rig.contextDir, "d", "f");
    const ids = new Set<string>();
    const build = async (): Promise<string> => {
      const plan = await rig.plan(`((from tiny) (copy (src d) (dst /d)))`);
      ids.add(plan.result);
      return plan.result;
    };
    await writeFile(file, "1");
    const first = await build();
    await writeFile(file, "1");
    expect(await build()).toBe(first);
    await writeFile(file, "2");
    await build();
    await writeFile(file, "1", { mode: 0o644 });
    const { chmod } = await import("node:fs/promises");
    await chmod(file, 0o755);
    await build();
    expect(ids.size).toBe(3);
  });
});

describe("a log", () => {
  test("is cut at the limit and says so", async () => {
    await using rig = await BuildRig.create();
    const sandbox = new ScriptedSandbox();
    const building = rig.build(`((from tiny) (run (shell "x")))`, sandbox, {
      environment: { logLimitBytes: 10 },
    });
    const run = await sandbox.nextRun();
    await run.print("0123456");
    await run.print("789abcdef");
    run.finish();
    const built = await building;
    if (!built.ok) throw new Error("must build");
    expect(await readFile(built.value.logPath, "utf8")).toBe(
      "0123456789\n[vmbuild: the log is cut here; 6 more bytes were printed]\n",
    );
  });
});
