/** Processes that work on a store until they are killed, see `store-worker.ts`. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { StoreFixture } from "./store-fixture.ts";
import { type Transpiled, transpile } from "./transpile.ts";

/** What a worker says it has done; see its modes for which is there when. */
export interface WorkerEvent {
  readonly dir: string;
  readonly machine: number;
  readonly promoted?: string;
  readonly deleting?: string;
  readonly tagged?: string;
  readonly published?: string;
  readonly pruned?: number;
  readonly built?: number;
}

export interface StoreWorker {
  readonly pid: number;
  next(): Promise<WorkerEvent>;
  /** Gives what it had still said. */
  kill(): Promise<readonly WorkerEvent[]>;
}

/** The worker as a program; disposing removes it. */
export class StoreWorkers implements AsyncDisposable {
  readonly #sources: Transpiled;
  readonly #running = new Set<number>();

  private constructor(sources: Transpiled) {
    this.#sources = sources;
  }

  static async create(): Promise<StoreWorkers> {
    return new StoreWorkers(
      await transpile(
        "src/result.ts",
        "src/store",
        "src/context/tar-header.ts",
        "test/laws/cache-content.ts",
        "test/laws/store-fixture.ts",
        "test/laws/store-worker.ts",
      ),
    );
  }

  /** A process that {@link endAll} kills as well. */
  mustEnd(pid: number): void {
    this.#running.add(pid);
  }

  endAll(): void {
    for (const pid of this.#running) killProcess(pid);
    this.#running.clear();
  }

  async start(fixture: StoreFixture, mode: string): Promise<StoreWorker> {
    const digest = fixture.base.kind === "image" ? fixture.base.digest : "";
    const program = this.#sources.program("test/laws/store-worker.ts");
    const child: ChildProcess = spawn(process.execPath, [program, fixture.root, mode, digest], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child, "spawn");
    if (child.pid === undefined || child.stdout === null) {
      throw new Error("the worker did not start");
    }
    this.mustEnd(child.pid);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return {
      pid: child.pid,
      async next() {
        const line = await lines.next();
        if (line.done === true) {
          throw new Error("the worker has ended");
        }
        return JSON.parse(line.value) as WorkerEvent;
      },
      async kill() {
        const exit = once(child, "exit");
        child.kill("SIGKILL");
        await exit;
        const rest: WorkerEvent[] = [];
        for (let line = await lines.next(); line.done !== true; line = await lines.next()) {
          rest.push(JSON.parse(line.value) as WorkerEvent);
        }
        return rest;
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.endAll();
    await this.#sources[Symbol.asyncDispose]();
  }
}

/** Ends a process, which may have ended already. */
export function killProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended already.
  }
}
