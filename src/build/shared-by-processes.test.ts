/** Real processes that want the same steps of one store. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Transpiled, transpile } from "../../test/laws/transpile.ts";
import { BuildRig } from "../../test/support/build-rig.ts";
import type { StepId } from "../plan/step.ts";

const rooms = ["spec", "profile", "plan", "context", "store", "image", "sandbox", "tree", "build"];
let sources: Transpiled;
beforeAll(async () => {
  sources = await transpile(
    "src/result.ts",
    "src/until-aborted.ts",
    ...rooms.map((room) => `src/${room}`),
    "test/support/build-rig.ts",
    "test/laws/build-worker.ts",
  );
}, 60_000);
afterAll(() => sources[Symbol.asyncDispose]());

const crowd = 8;
const steps = Array.from({ length: 30 }, (_, index) => `step ${index}`);

test(
  "many processes build every step of a chain once, racing for each",
  { timeout: 240_000 },
  async () => {
    await using rig = await BuildRig.create();
    await using workers = startWorkers(rig, crowd);
    const chain = steps.map((command) => `(run (shell "${command}"))`).join("\n");
    for (const worker of workers.all) worker.send(`((from tiny)\n${chain})`);
    const ends = await Promise.all(workers.all.map((worker) => worker.saw("built")));
    const [id] = new Set(ends.map((end) => end.id));
    expect(ends.map((end) => end.id)).toEqual(workers.all.map(() => id));
    const ran = workers.all.flatMap(({ said }) => said.filter(({ type }) => type === "run"));
    expect(ran.map(({ command = "" }) => command).sort()).toEqual([...steps].sort());
    // What a process has shown of a step is what the step printed, wherever it ran.
    const shown = await Promise.all(
      (await rig.store.layers()).map(({ logPath }) => readFile(logPath, "utf8")),
    );
    for (const { said } of workers.all) {
      const outputs = said.filter(({ type }) => type === "output").map(({ text = "" }) => text);
      expect(outputs.sort()).toEqual(shown.filter((text) => text !== "").sort());
    }
    expect(await leftovers(rig)).toEqual([]);
  },
);

test("a step that fails in one process fails in those that wait for it", async () => {
  await using rig = await BuildRig.create();
  await using workers = startWorkers(rig, 4);
  for (const worker of workers.all) worker.send(`((from tiny) (run (shell "hold and fail")))`);
  const builder = await Promise.race(
    workers.all.map(async (worker) => {
      await worker.saw("run");
      return worker;
    }),
  );
  const others = workers.all.filter((worker) => worker !== builder);
  await Promise.all(others.map((worker) => worker.sawAttachedTo(builder)));
  builder.send("go");
  for (const end of await Promise.all(workers.all.map((worker) => worker.saw("failed")))) {
    expect(end.failure).toEqual({ reason: "command-failed", exitCode: 3 });
    const log = await rig.store.failedLog(end.logId ?? "");
    expect(log.ok && (await readFile(log.value, "utf8"))).toContain(`by ${builder.pid}\n`);
  }
  expect(others.flatMap(({ said }) => said.filter(({ type }) => type === "run"))).toEqual([]);
  expect(await leftovers(rig)).toEqual([]);
});

test("kill -9 of the builder: one that followed builds, the others follow that", async () => {
  await using rig = await BuildRig.create();
  await using workers = startWorkers(rig, 3);
  const [first, ...others] = workers.all;
  if (first === undefined) throw new Error("there must be workers");
  const spec = `((from tiny) (run (shell "hold")))`;
  first.send(spec);
  await first.saw("run");
  for (const worker of others) worker.send(spec);
  await Promise.all(others.map((worker) => worker.sawAttachedTo(first)));
  await first.kill();
  const second = await Promise.race(
    others.map(async (worker) => {
      await worker.saw("run");
      return worker;
    }),
  );
  const third = others.find((worker) => worker !== second);
  await third?.sawAttachedTo(second);
  second.send("go");
  const ends = await Promise.all(others.map((worker) => worker.saw("built")));
  const [{ id }] = ends as [WorkerEvent];
  expect(ends.map((end) => end.id)).toEqual([id, id]);
  expect(third?.said.filter(({ type }) => type === "run")).toEqual([]);
  expect(await readFile((await rig.store.layer(id as StepId))?.logPath ?? "", "utf8")).toBe(
    `hold by ${second.pid}\n`,
  );
  expect(await leftovers(rig)).toEqual([]);
});

interface WorkerEvent {
  readonly type: string;
  readonly command?: string;
  readonly text?: string;
  readonly pid?: number;
  readonly step?: number;
  readonly id?: string;
  readonly failure?: unknown;
  readonly logId?: string;
}

/** One process; everything it said so far is in `said`. */
class Worker {
  readonly said: WorkerEvent[] = [];
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #watchers = new Set<() => void>();
  readonly #exit: Promise<unknown>;

  constructor(dir: string) {
    this.#child = spawn(process.execPath, [sources.program("test/laws/build-worker.ts"), dir], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#exit = once(this.#child, "exit");
    createInterface({ input: this.#child.stdout }).on("line", (line) => {
      this.said.push(JSON.parse(line) as WorkerEvent);
      for (const watch of this.#watchers) watch();
    });
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error("the worker did not start");
    return this.#child.pid;
  }

  send(text: string): void {
    this.#child.stdin.write(`${JSON.stringify(text)}\n`);
  }

  saw(type: string, matches: (event: WorkerEvent) => boolean = () => true): Promise<WorkerEvent> {
    return new Promise((resolve) => {
      const look = (): void => {
        const found = this.said.find((event) => event.type === type && matches(event));
        if (found !== undefined) resolve(found);
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** Waits until this worker follows the `run` of `builder`, which is the second step; it may have followed the first, too. */
  async sawAttachedTo(builder: Worker): Promise<void> {
    await this.saw("step-attached", ({ pid, step }) => pid === builder.pid && step === 2);
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#exit;
  }
}

function startWorkers(rig: BuildRig, count: number) {
  const all = Array.from({ length: count }, () => new Worker(rig.dir));
  return {
    all,
    async [Symbol.asyncDispose]() {
      await Promise.all(all.map((worker) => worker.kill()));
    },
  };
}

async function leftovers(rig: BuildRig): Promise<readonly string[]> {
  const dirs = ["result-tmp", "cache-tmp", "state/tmp"];
  return (await Promise.all(dirs.map((dir) => readdir(join(rig.store.root, dir))))).flat();
}
