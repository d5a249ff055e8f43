import { existsSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { execa } from "execa";
import { directoriesOf } from "../../src/context/tar-entries.ts";
import type {
  FailedJob,
  ReadJob,
  Room,
  Sandbox,
  SandboxHooks,
  SandboxJob,
  SandboxReport,
  SavedCache,
} from "../../src/sandbox/sandbox.ts";
import { failed, ok, type Result } from "../../src/result.ts";

/** One run of a sandbox, in the hands of the test. */
export interface ScriptedRun {
  readonly job: SandboxJob;
  readonly hooks: SandboxHooks;
  /** What the command is, or `copy`. */
  readonly what: string;
  print(text: string): Promise<void>;
  /** Ends the run well; `saved` are the caches whose content was written. */
  finish(saved?: readonly SavedCache[]): void;
  fail(failure: FailedJob): void;
}

/**
 * A sandbox whose runs the test drives one by one. A run that is aborted ends as `cancelled`, as the
 * real one does.
 */
export class ScriptedSandbox implements Sandbox {
  readonly #waiting: ((run: ScriptedRun) => void)[] = [];
  readonly #started: ScriptedRun[] = [];
  /** How many runs there were. */
  runs = 0;
  /** How many runs were going on at once, at the most. */
  mostAtOnce = 0;
  #now = 0;
  /** How machines that wait were ended. */
  readonly rooms: (Room | undefined)[] = [];

  /** The next run, as soon as it has started. */
  nextRun(): Promise<ScriptedRun> {
    const started = this.#started.shift();
    if (started !== undefined) return Promise.resolve(started);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async rest(room?: Room): Promise<void> {
    this.rooms.push(room);
  }

  async shutDown() {
    return ok();
  }

  /** Gives no file that is asked for. */
  async read({ paths: [path = "/"] }: ReadJob) {
    return failed({ reason: "path-missing", path } as const);
  }

  async lend(): Promise<never> {
    throw new Error("this sandbox has no guest to lend");
  }

  async run(job: SandboxJob, hooks: SandboxHooks): Promise<Result<SandboxReport, FailedJob>> {
    this.runs++;
    this.#now++;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#now);
    try {
      return await new Promise((resolve) => {
        const cancelled = (): void =>
          resolve(failed({ failure: { reason: "cancelled" }, savedCaches: [] }));
        if (hooks.signal.aborted) return cancelled();
        hooks.signal.addEventListener("abort", cancelled, { once: true });
        const run: ScriptedRun = {
          job,
          hooks,
          what: job.task.kind === "copy" ? "copy" : job.task.command,
          print: async (text) => hooks.onOutput(Buffer.from(text)),
          finish: (saved = []) => resolve(ok({ savedCaches: saved })),
          fail: (failure) => resolve(failed(failure)),
        };
        const waiting = this.#waiting.shift();
        if (waiting === undefined) this.#started.push(run);
        else waiting(run);
      });
    } finally {
      this.#now--;
    }
  }
}

export interface ObedientSandbox extends Sandbox {
  /** The commands, and `copy` for copies. */
  readonly ran: string[];
  readonly reads: ReadJob[];
  /** What copies have brought in, for root. */
  readonly archives: Buffer[];
}

/** Ends every run well at once, printing what it ran. `guestDir` is what every guest's `/` holds. */
export function obedientSandbox(guestDir?: string): ObedientSandbox {
  const ran: string[] = [];
  const reads: ReadJob[] = [];
  const archives: Buffer[] = [];
  return {
    ran,
    reads,
    archives,
    async rest() {},
    async shutDown() {
      return ok();
    },
    async lend() {
      throw new Error("this sandbox has no guest to lend");
    },
    async read(job) {
      reads.push(job);
      const missing = job.paths.find((path) => !existsSync(join(guestDir ?? "/none", path)));
      if (missing !== undefined) return failed({ reason: "path-missing", path: missing });
      const names = job.paths.map((path) => `.${path}`);
      await execa("tar", ["-cf", job.archivePath, "-C", guestDir ?? "/", ...names]);
      return ok();
    },
    async run(job, hooks) {
      const what = job.task.kind === "copy" ? "copy" : job.task.command;
      ran.push(what);
      if (job.task.kind === "copy") {
        const directories = new Set(directoriesOf(job.task.items));
        const { stream } = job.task.openTar({ uid: 0, gid: 0, directories, signal: hooks.signal });
        archives.push(await buffer(stream));
      }
      await hooks.onOutput(Buffer.from(`ran ${what}\n`));
      const saved: SavedCache[] = [];
      if (job.task.kind === "command") {
        for (const cache of job.task.caches) {
          await appendFile(cache.newContentPath, `content of ${cache.name} after ${what}`);
          saved.push({ target: cache.target, form: "tar" });
        }
      }
      return ok({ savedCaches: saved });
    },
  };
}
