import { appendFile } from "node:fs/promises";
import type {
  FailedJob,
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

  /** The next run, as soon as it has started. */
  nextRun(): Promise<ScriptedRun> {
    const started = this.#started.shift();
    if (started !== undefined) return Promise.resolve(started);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async rest(): Promise<void> {}

  async shutDown() {
    return ok();
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

/** Ends every run well at once, printing what it ran. */
export function obedientSandbox(): Sandbox & { readonly ran: string[] } {
  const ran: string[] = [];
  return {
    ran,
    async rest() {},
    async shutDown() {
      return ok();
    },
    async run(job, hooks) {
      const what = job.task.kind === "copy" ? "copy" : job.task.command;
      ran.push(what);
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
