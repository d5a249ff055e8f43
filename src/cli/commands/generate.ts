import { resolve } from "node:path";
import PQueue from "p-queue";
import { generateImage } from "../../image/generate-image.ts";
import { formatByteSize } from "../../profile/byte-size.ts";
import { failed, ok, type Result } from "../../result.ts";
import { exitCode } from "../exit-code.ts";
import { OutputDirs, type PlannedImage, planImages, refuseExisting } from "../generated-images.ts";
import { type GocdFlags, writeGocdFile } from "../gocd-file.ts";
import { ImageInputs } from "../image-inputs.ts";
import { openSettingsAndStore } from "../open-store.ts";
import { userError } from "../or-throw.ts";
import { writeOut } from "../output.ts";
import { chosenImages, readArchitecture } from "../read-architecture.ts";
import { refuseInputs } from "../refuse-inputs.ts";
import { type Failure, failureMessage } from "../render/failure-message.ts";
import { liveStatus, plainLines, type StatusLine } from "../render/status-line.ts";
import { duration } from "../render/units.ts";
import type { Settings } from "../settings.ts";
import { listenForTermination } from "../terminate.ts";
import { UserError } from "../user-error.ts";
import type { StoreLayout } from "../../store/layout.ts";

interface GenerateFlags extends Pick<Settings, "store">, GocdFlags {
  readonly imageOutputPath?: string;
  readonly generatedImageOwner: string;
  readonly image?: readonly string[];
  readonly shrink?: boolean;
  readonly jobs: number;
  /** Milliseconds. */
  readonly downloadTimeout?: number;
  readonly generateGocdConfig?: boolean;
  /** False for `--no-images`. */
  readonly images: boolean;
}

/** `vmbuild generate`: the images of an architecture file. */
export async function generate(flags: GenerateFlags): Promise<void> {
  const architecture = await readArchitecture(flags.architecturePath);
  const planned = await planImages(chosenImages(architecture, flags.image), flags.imageOutputPath);
  await refuseMixedUp(planned, flags);
  if (flags.images && flags.overwrite !== true) {
    await refuseExisting(planned.map(({ path }) => path));
  }
  if (flags.generateGocdConfig === true) {
    process.stderr.write(await writeGocdFile(architecture, flags));
  }
  if (!flags.images) return;
  const { layout } = await openSettingsAndStore(flags);
  await using dirs = new OutputDirs();
  await dirs.make(planned.map(({ path }) => path));
  const status = process.stderr.isTTY ? liveStatus(process.stderr) : plainLines(process.stderr);
  using termination = listenForTermination(() => void status.print("stopping\n"));
  try {
    await makeAll(planned, { flags, layout, status, signal: termination.signal });
  } catch (error) {
    const code = termination.exitCode();
    throw code === undefined ? error : new UserError("cancelled", { exitCode: code });
  } finally {
    status.close();
  }
}

/** What is written must be neither the architecture file nor another output. @throws UserError */
async function refuseMixedUp(planned: readonly PlannedImage[], flags: GenerateFlags) {
  const { architecturePath, gocdConfigName, generateGocdConfig = false } = flags;
  const images = flags.images ? planned.map(({ path }) => path) : [];
  const outputs = [...images, ...(generateGocdConfig ? [gocdConfigName] : [])];
  for (const output of outputs) await refuseInputs(output, [architecturePath]);
  if (!generateGocdConfig) return;
  if (!images.some((path) => resolve(path) === resolve(gocdConfigName))) return;
  throw new UserError(`${gocdConfigName} would be both an image and GoCD's pipelines`, {
    exitCode: exitCode.usage,
    hint: "give --gocd-config-name another name",
  });
}

interface Making {
  readonly flags: GenerateFlags;
  readonly layout: StoreLayout;
  readonly status: StatusLine;
  readonly signal: AbortSignal;
}

/** @throws UserError when one of the images cannot be made; the others are */
async function makeAll(planned: readonly PlannedImage[], making: Making): Promise<void> {
  const { flags, layout, signal } = making;
  await using inputs = new ImageInputs({
    layout,
    signal,
    ...(flags.downloadTimeout === undefined ? {} : { idleMs: flags.downloadTimeout }),
  });
  const queue = new PQueue({ concurrency: flags.jobs });
  const made = await Promise.all(
    planned.map((one, index) => queue.add(() => make(one, index, inputs, making))),
  );
  const failures = made.flatMap((result, index) =>
    result.ok ? [] : [{ name: planned[index]?.image.key ?? "", failure: result.error }],
  );
  const [first] = failures;
  if (first === undefined) return;
  if (planned.length === 1) throw userError(first.failure);
  throw new UserError(`${failures.length} of ${planned.length} images could not be made`, {
    exitCode: failureMessage(first.failure).exitCode,
    detail: failures.map(({ name, failure }) => told(name, failure)).join("\n"),
  });
}

function told(name: string, failure: Failure): string {
  const { text, detail, hint } = failureMessage(failure);
  const more = [detail, hint === undefined ? undefined : `hint: ${hint}`];
  const lines = more.flatMap((part) => part?.split("\n") ?? []).map((line) => `  ${line}`);
  return [`${name}: ${text}`, ...lines].join("\n");
}

async function make(
  { image, path }: PlannedImage,
  key: number,
  inputs: ImageInputs,
  { flags, layout, status, signal }: Making,
): Promise<Result<void, Failure>> {
  if (signal.aborted) return failed({ reason: "cancelled" });
  const startedAt = performance.now();
  try {
    const ready =
      image.input === undefined ? undefined : await inputs.get(image.input, { status, key });
    if (ready !== undefined && !ready.ok) return ready;
    status.set(key, `writing ${path}`);
    let shown = 0;
    const made = await generateImage<Failure>({
      layout,
      ...(ready === undefined ? {} : { input: ready.value }),
      path: resolve(path),
      format: image.format,
      sizeBytes: image.sizeBytes,
      shrink: flags.shrink === true,
      overwrite: flags.overwrite === true,
      owner: flags.generatedImageOwner,
      signal,
      onProgress: (fraction) => {
        const percent = Math.floor(fraction * 100);
        if (percent === shown) return;
        shown = percent;
        status.set(key, `writing ${path} ${percent} %`);
      },
    });
    if (!made.ok) return made;
    status.clear(key);
    if (made.value.ownerProblem !== undefined) {
      const { generatedImageOwner: owner } = flags;
      await status.print(
        `warning: ${path} is not given to ${owner}: ${made.value.ownerProblem} (--generated-image-owner)\n`,
      );
    }
    const size = formatByteSize(image.sizeBytes);
    const name = [image.name, image.version ?? ""].join(" ").trim();
    await status.print(
      `made ${path} (${name}, ${size}) in ${duration(performance.now() - startedAt)}\n`,
    );
    await writeOut(`${path}\n`);
    return ok();
  } finally {
    status.clear(key);
  }
}
