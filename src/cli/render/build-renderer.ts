import type { BuildEvent, EventSink, StepRef } from "../../build/event.ts";
import { LineSplitter } from "./line-splitter.ts";
import { failureMessage } from "./failure-message.ts";
import type { StatusLine } from "./status-line.ts";
import { clipHeading } from "./clip.ts";
import type { Style } from "./style.ts";
import { shortId } from "../../plan/plan-text.ts";
import { duration } from "./units.ts";

export interface BuildRendererOptions {
  readonly style: Style;
  readonly verbose: boolean;
  /** Width of the terminal; headings are cut to it. @default 160 */
  readonly columns?: number;
  readonly status: StatusLine;
}

const defaultColumns = 160;

/** Writes a build as lines for people: every line begins with the step it belongs to. */
export function buildRenderer(options: BuildRendererOptions): EventSink {
  const { style, status } = options;
  const splitters = new Map<number, LineSplitter>();

  const prefix = (ref: StepRef): string => style.cyan(`[${ref.number}/${ref.of}]`);
  const say = (ref: StepRef, text: string): Promise<void> =>
    status.print(`${prefix(ref)} ${text}\n`);
  const outputLines = (ref: StepRef, lines: readonly string[]): Promise<void> =>
    lines.length === 0
      ? Promise.resolve()
      : status.print(lines.map((line) => `${prefix(ref)} ${style.dim("|")} ${line}\n`).join(""));
  const finishOutput = async (ref: StepRef): Promise<void> => {
    await outputLines(ref, splitters.get(ref.number)?.end() ?? []);
    splitters.delete(ref.number);
    status.clear(ref.number);
  };

  return async (event: BuildEvent) => {
    switch (event.type) {
      case "step-started": {
        const { step } = event.ref;
        const build = step.build.length === 0 ? "" : style.dim(`${step.build.join("/")}: `);
        const heading = clipHeading(step.heading, (options.columns ?? defaultColumns) - 10);
        await say(event.ref, `${build}${style.bold(heading)}`);
        return;
      }
      case "step-phase":
        status.set(event.ref.number, `${prefix(event.ref)} ${phaseText[event.phase]}`);
        if (options.verbose) await say(event.ref, style.dim(phaseText[event.phase]));
        return;
      case "step-attached":
        status.set(event.ref.number, `${prefix(event.ref)} attached to process ${event.pid}`);
        await say(event.ref, style.dim(`attached to process ${event.pid}, which builds this step`));
        return;
      case "step-detached":
        await finishOutput(event.ref);
        await say(event.ref, style.dim(`process ${event.pid} gave the step up; starting it over`));
        return;
      case "step-output": {
        let splitter = splitters.get(event.ref.number);
        if (splitter === undefined) {
          splitter = new LineSplitter();
          splitters.set(event.ref.number, splitter);
        }
        await outputLines(event.ref, splitter.push(event.chunk));
        return;
      }
      case "step-warning":
        await say(event.ref, style.yellow(`warning: ${event.message}`));
        return;
      case "step-cached":
        await finishOutput(event.ref);
        await say(event.ref, `${style.green("---> cached")} ${shortId(event.ref.step.id)}`);
        return;
      case "step-saved": {
        await finishOutput(event.ref);
        const by = event.builtBy === undefined ? "" : ` by process ${event.builtBy}`;
        const took = style.dim(`(${duration(event.durationMs)})`);
        await say(event.ref, `${style.green("---> saved")} ${shortId(event.id)}${by} ${took}`);
        return;
      }
      case "step-failed":
        await finishOutput(event.ref);
        if (event.failure.reason !== "cancelled") {
          await say(
            event.ref,
            `${style.red("---> failed:")} ${failureMessage(event.failure).text}`,
          );
        }
        return;
      case "note":
        if (event.isWarning === true) {
          await status.print(`${style.yellow(`warning: ${event.message}`)}\n`);
        } else if (options.verbose) {
          await status.print(`${style.dim(event.message)}\n`);
        }
    }
  };
}

const phaseText: Record<Extract<BuildEvent, { type: "step-phase" }>["phase"], string> = {
  waiting: "waiting for a machine",
  importing: "importing the base image",
  reading: "reading the files of another build",
  booting: "booting",
  connecting: "logging in",
  resuming: "resuming",
  "caches-in": "bringing caches in",
  running: "running",
  copying: "copying",
  "caches-out": "taking caches out",
  "powering-off": "powering off",
  suspending: "suspending",
  saving: "saving",
};
