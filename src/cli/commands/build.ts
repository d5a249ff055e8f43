import { resolve } from "node:path";
import { buildPlan } from "../../build/build-plan.ts";
import type { EventSink } from "../../build/event.ts";
import { createBuildEnvironment } from "../../create-environment.ts";
import type { ExportFormat } from "../../store/qemu-img-argv.ts";
import { buildErrors } from "../build-error.ts";
import { exitCode } from "../exit-code.ts";
import { makePlan } from "../make-plan.ts";
import { openSettingsAndStore } from "../open-store.ts";
import { readSecrets } from "../read-secrets.ts";
import { orThrow } from "../or-throw.ts";
import { writeOut } from "../output.ts";
import { checkFiles, writeFiles } from "../output-files.ts";
import { checkImage, writeImage } from "../output-image.ts";
import { outputsOf } from "../outputs.ts";
import { buildRenderer } from "../render/build-renderer.ts";
import { printError } from "../render/print-error.ts";
import { jsonRenderer } from "../render/json-renderer.ts";
import { liveStatus, plainLines, type StatusLine } from "../render/status-line.ts";
import { styleFor, wantsColor } from "../render/style.ts";
import { givenSettings, type Settings } from "../settings.ts";
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
  readonly output?: readonly string[];
  readonly outputFormat?: ExportFormat;
  readonly tag?: string;
  readonly secret: readonly string[];
  readonly keepFailed?: boolean;
  readonly keepGoing?: boolean;
  readonly progress: "auto" | "plain" | "json" | "none";
  readonly verbose?: boolean;
}

/** `vmbuild build` */
export async function build(context: string, flags: BuildFlags): Promise<void> {
  const outputs = outputsOf(flags);
  const secrets = await readSecrets(flags.secret, process.env);
  const { settings, store, images } = await openSettingsAndStore(settingsOf(flags));
  for (const image of outputs.images)
    await checkImage(image, { storeRoot: store.root, specPath: flags.file });
  await checkFiles(outputs.files, store.root);
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
      secrets,
      keepFailed: flags.keepFailed === true,
      note: (message) => void onEvent({ type: "note", message }),
    });
    if (flags.tag !== undefined) await refuseBaseName(flags.tag, env.bases);
    const { source, plan } = await makePlan({
      specPath: flags.file,
      contextDir: context,
      store,
      bases: env.bases,
      images,
      ...(settings.diskSizeBytes === undefined ? {} : { diskSizeBytes: settings.diskSizeBytes }),
      signal,
    });
    const keepGoing = flags.keepGoing === true;
    // Until it has its tag and its image is written.
    await using _ = await store.hold([plan.result]);
    const built = await buildPlan(plan, env, { signal, onEvent, keepGoing });
    if (!built.ok) {
      status.close();
      const errors = buildErrors(built.error, source, termination.exitCode());
      for (const error of errors.slice(0, -1)) printError(error);
      throw errors.at(-1);
    }
    const writing = { status, signal, signalCode: () => termination.exitCode() };
    const result = { kind: "layer", layer: built.value } as const;
    for (const image of outputs.images) await writeImage(result, env, image, writing);
    if (outputs.files.length > 0) await writeFiles(built.value, env, outputs.files, writing);
    if (flags.tag !== undefined) orThrow(await store.tag(flags.tag, built.value.id));
    status.close();
    await writeOut(`${built.value.id}\n`);
  } finally {
    status.close();
  }
}

function settingsOf(flags: BuildFlags): Settings {
  return givenSettings({
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
  });
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
