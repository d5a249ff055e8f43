import { resolve } from "node:path";
import type { BuildFailure } from "../../build/failure.ts";
import { buildPlan } from "../../build/build-plan.ts";
import type { EventSink } from "../../build/event.ts";
import { shortId } from "../../plan/plan-text.ts";
import { lineAndColumn } from "../../spec/line-and-column.ts";
import type { SourceText } from "../../spec/source.ts";
import { createBuildEnvironment } from "../../create-environment.ts";
import { exitCode } from "../exit-code.ts";
import { makePlan } from "../make-plan.ts";
import { openSettingsAndStore } from "../open-store.ts";
import { orThrow } from "../or-throw.ts";
import { writeOut } from "../output.ts";
import { checkOutput, outputOf, writeImage } from "../output-image.ts";
import { buildRenderer } from "../render/build-renderer.ts";
import { failureMessage } from "../render/failure-message.ts";
import { jsonRenderer } from "../render/json-renderer.ts";
import { liveStatus, plainLines, type StatusLine } from "../render/status-line.ts";
import { styleFor, wantsColor } from "../render/style.ts";
import type { Settings } from "../settings.ts";
import { listenForTermination } from "../terminate.ts";
import { UserError } from "../user-error.ts";

interface BuildFlags {
  readonly file: string;
  readonly store?: string;
  readonly memory?: number;
  readonly cpus?: number;
  readonly accelerator?: "auto" | "kvm" | "tcg";
  readonly bootTimeout?: number;
  readonly qemuMemory?: number;
  readonly qemuCpus?: number;
  readonly qemuBootTime?: number;
  readonly diskSize?: number;
  readonly boot?: "warm" | "cold";
  readonly warmBudget?: number;
  readonly jobs?: number;
  readonly logLimit?: number;
  readonly output?: string;
  readonly outputFormat?: "qcow2" | "raw";
  readonly tag?: string;
  readonly keepFailed?: boolean;
  readonly progress: "auto" | "plain" | "json" | "none";
  readonly verbose?: boolean;
}

/** `vmbuild build` */
export async function build(context: string, flags: BuildFlags): Promise<void> {
  const output = outputOf(flags);
  const { settings, store } = await openSettingsAndStore(settingsOf(flags));
  if (output !== undefined)
    await checkOutput(output, { storeRoot: store.root, specPath: flags.file });
  const status =
    flags.progress === "auto" && process.stderr.isTTY
      ? liveStatus(process.stderr)
      : plainLines(process.stderr);
  using termination = listenForTermination(() => {
    void status.print("stopping; once more to stop at once\n");
  });
  const { signal } = termination;
  try {
    const onEvent = eventSink(flags, status);
    const env = createBuildEnvironment({
      ...settings,
      store,
      contextDir: resolve(context),
      keepFailed: flags.keepFailed === true,
      note: (message) => void onEvent({ type: "note", message }),
    });
    if (flags.tag !== undefined) await refuseBaseName(flags.tag, env.bases);
    const { source, plan } = await makePlan({
      specPath: flags.file,
      contextDir: context,
      store,
      bases: env.bases,
      ...(settings.diskSizeBytes === undefined ? {} : { diskSizeBytes: settings.diskSizeBytes }),
      signal,
    });
    // Until it has its tag and its image is written.
    await using _ = await store.hold([plan.result]);
    const built = await buildPlan(plan, env, { signal, onEvent });
    if (!built.ok) throw buildError(built.error, source, termination.exitCode());
    if (output !== undefined) {
      await writeImage(built.value, env, output, status, signal, () => termination.exitCode());
    }
    if (flags.tag !== undefined) orThrow(await store.tag(flags.tag, built.value.id));
    status.close();
    await writeOut(`${built.value.id}\n`);
  } finally {
    status.close();
  }
}

function settingsOf(flags: BuildFlags): Settings {
  const given = {
    store: flags.store,
    memoryBytes: flags.memory ?? flags.qemuMemory,
    cpus: flags.cpus ?? flags.qemuCpus,
    accelerator: flags.accelerator,
    bootTimeoutMs: flags.bootTimeout ?? flags.qemuBootTime,
    diskSizeBytes: flags.diskSize,
    boot: flags.boot,
    warmBudgetBytes: flags.warmBudget,
    jobs: flags.jobs,
    logLimitBytes: flags.logLimit,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function eventSink(flags: BuildFlags, status: StatusLine): EventSink {
  switch (flags.progress) {
    case "none":
      return () => {};
    case "json":
      return jsonRenderer(process.stderr);
    case "auto":
    case "plain":
      return buildRenderer({
        style: styleFor(wantsColor(process.stderr, process.env)),
        verbose: flags.verbose === true,
        ...(process.stderr.isTTY ? { columns: process.stderr.columns } : {}),
        status,
      });
  }
}

async function refuseBaseName(
  tag: string,
  bases: { list(): Promise<readonly { readonly name: string }[]> },
): Promise<void> {
  const taken = (await bases.list()).some(({ name }) => name === tag);
  if (!taken) return;
  throw new UserError(`--tag ${tag}: there is a base image of that name`, {
    exitCode: exitCode.usage,
    hint: "`from` could not tell them apart; choose another name",
  });
}

/** The end of a failed build: which directive, where it stands, what happened, where to look. */
function buildError(
  { step, failure, logId, kept }: BuildFailure,
  source: SourceText,
  signalCode: number | undefined,
): UserError {
  if (failure.reason === "cancelled") {
    return new UserError("cancelled; what was built so far is kept", {
      exitCode: signalCode ?? exitCode.internal,
    });
  }
  const { text, detail, hint, exitCode: code } = failureMessage(failure);
  const { line, column } = lineAndColumn(source.text, step.range.start);
  const lines = [
    ...(detail === undefined ? [] : [detail]),
    ...(logId === undefined ? [] : [`its output: vmbuild log ${shortId(logId)}`]),
    ...(kept === undefined
      ? []
      : [
          `its machine still runs; log in with`,
          `  ${kept.sshCommand}`,
          `and end it with`,
          `  kill ${kept.pid}`,
        ]),
  ];
  return new UserError(`${source.name}:${line}:${column}: ${text}`, {
    exitCode: code,
    ...(lines.length === 0 ? {} : { detail: lines.join("\n") }),
    ...(hint === undefined ? {} : { hint }),
  });
}
