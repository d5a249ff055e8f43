import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Reporter, TestCase, TestModule, TestSuite, Vitest } from "vitest/node";

/** One project's results, as `<dir>/<project>.json`; `scripts/test.mjs` adds them up. */
interface ProjectSummary {
  passed: number;
  failed: number;
  skipped: { name: string; reason: string }[];
  failures: string[];
  seconds: number;
}

/**
 * Writes what a run came to, one JSON file per project.
 *
 * Counts what a plain list of test cases leaves out: a file that does not load, a hook that
 * throws and an unhandled error are failures, and a skipped test has a reason.
 */
export default class SummaryReporter implements Reporter {
  readonly #dir: string;
  #startedAt = 0;
  #vitest: Vitest | undefined;

  constructor(options: { dir: string }) {
    this.#dir = options.dir;
  }

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  onTestRunStart(): void {
    this.#startedAt = performance.now();
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly { message?: string }[]): void {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    mkdirSync(this.#dir, { recursive: true });
    const unhandledErrors = unhandled.map((error) => `unhandled error: ${firstLine(error)}`);
    for (const { name } of this.#vitest?.projects ?? []) {
      const own = modules.filter((module) => module.project.name === name);
      const summary = summarise(own);
      summary.failures.push(...unhandledErrors.splice(0));
      summary.failed = summary.failures.length;
      summary.seconds = seconds;
      writeFileSync(join(this.#dir, `${name}.json`), JSON.stringify(summary, null, 2));
    }
  }
}

function summarise(modules: readonly TestModule[]): ProjectSummary {
  const summary: ProjectSummary = { passed: 0, failed: 0, skipped: [], failures: [], seconds: 0 };
  for (const module of modules) {
    for (const group of [module, ...module.children.allSuites()]) {
      for (const error of group.errors()) {
        summary.failures.push(`${nameOf(group)}: ${firstLine(error)}`);
      }
    }
    for (const test of module.children.allTests()) {
      const result = test.result();
      if (result.state === "passed") summary.passed += 1;
      else if (result.state !== "skipped") summary.failures.push(`${nameOf(test)}${whyOf(test)}`);
      else {
        const reason = result.note ?? reasonFor(test);
        summary.skipped.push({ name: nameOf(test), reason });
      }
    }
  }
  return summary;
}

/** The end of what its errors say, below the name; it often is what a program printed. */
function whyOf(test: TestCase): string {
  const lines = (test.result().errors ?? []).flatMap(({ message }) => message.split("\n"));
  return lines
    .slice(-30)
    .map((line) => `\n      ${line}`)
    .join("");
}

/** Why a test without a note of its own did not run. */
function reasonFor(test: TestCase): string {
  let group: TestSuite | TestModule = test.parent;
  while (group.errors().length === 0 && group.type === "suite") group = group.parent;
  if (group.errors().length > 0) return "a hook of its suite failed";
  if (test.options.mode === "todo") return "not written yet";
  return 'no reason given (give one: context.skip("why"))';
}

function nameOf(item: TestCase | TestSuite | TestModule): string {
  if (item.type === "module") return item.relativeModuleId;
  return `${item.module.relativeModuleId} > ${item.fullName}`;
}

function firstLine(error: { message?: string }): string {
  return (error.message ?? "unknown").split("\n", 1).join("");
}
