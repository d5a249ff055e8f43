import { resolve } from "node:path";
import { editableImage } from "../../appliance/edit-image.ts";
import type { EditPhase } from "../../appliance/edit-disk.ts";
import type { EditReport } from "../../appliance/edit-report.ts";
import type { CommandWatcher } from "../../appliance/report-reader.ts";
import { createBuildEnvironment } from "../../create-environment.ts";
import {
  customizeImage,
  type CustomizeRequest,
  withCustomizedDisk,
} from "../../customize/customize-image.ts";
import type { AskedOperation } from "../../customize/operation.ts";
import { checkHostPaths } from "../../customize/write-data.ts";
import { exportTarget } from "../../image/export-target.ts";
import type { Compression, DiskFormat, ExportFormat } from "../../store/qemu-img-argv.ts";
import { exitCode } from "../exit-code.ts";
import { openSettingsAndStore } from "../open-store.ts";
import { orThrow } from "../or-throw.ts";
import { writeOut } from "../output.ts";
import {
  checkImage,
  cutShort,
  imageOf,
  type OutputImage,
  refuseStore,
  writeDisk,
} from "../output-image.ts";
import { operationOf, readOperations } from "../read-operations.ts";
import { refuseInputs } from "../refuse-inputs.ts";
import type { StatusLine } from "../render/status-line.ts";
import { duration } from "../render/units.ts";
import type { Settings } from "../settings.ts";
import { readSystemChoice, type SystemFlags } from "../system-choice.ts";
import { settleOperations } from "../settle-operations.ts";
import { listenForTermination } from "../terminate.ts";
import { UserError } from "../user-error.ts";
import { statusLine } from "./export.ts";

/** Where operations come from, in their order. */
export type AskedSource =
  | { readonly kind: "flag"; readonly name: string; readonly argument?: string }
  | { readonly kind: "file"; readonly path: string };

interface CustomizeFlags extends Pick<Settings, "store">, SystemFlags {
  readonly add?: string;
  readonly format?: DiskFormat | "auto";
  readonly output?: string;
  readonly outputFormat?: ExportFormat;
  readonly compress?: Compression;
  readonly network?: boolean;
  readonly dryRun?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
}

/** `vmbuild customize`: operations on an image that is not booted. */
export async function customize(
  sources: readonly AskedSource[],
  flags: CustomizeFlags,
): Promise<void> {
  const { network = false } = flags;
  const image = flags.add;
  if (image === undefined) {
    throw usage("name the image to customize", "vmbuild customize -a disk.qcow2 --mkdir /srv/www");
  }
  const output = outputOf(flags);
  const asked = await operationsOf(sources);
  refuseOffline(asked, network);
  const settled = await settleOperations(asked);
  orThrow(await checkHostPaths(settled.operations));
  const system = await readSystemChoice(flags);
  const { settings, store } = await openSettingsAndStore(flags);
  if (output !== undefined) {
    await refuseInputs(output.path, [image]);
    await checkImage(output, { storeRoot: store.root });
  }
  const status = statusLine();
  using termination = listenForTermination(() => {
    void status.print("stopping; once more to stop at once\n");
  });
  const { signal } = termination;
  const since = performance.now();
  try {
    const { path, format } = orThrow(await editableImage(resolve(image), signal));
    if (flags.format !== undefined && flags.format !== "auto" && flags.format !== format) {
      throw new UserError(`--format ${flags.format}: ${image} is ${format}`, {
        exitCode: exitCode.badInput,
      });
    }
    if (output === undefined) {
      await refuseStore(path, store.root, "--output FILE writes a new image");
    }
    const env = createBuildEnvironment({
      ...settings,
      store,
      contextDir: process.cwd(),
      note: (message) => void (flags.verbose === true ? status.print(`${message}\n`) : undefined),
    });
    const onPhase = (phase: EditPhase): void => {
      if (flags.quiet !== true) status.set(0, `${image}: ${phase}`, since);
    };
    const { operations } = settled;
    const watcher = watcherOf(flags, { image, status, since });
    const request = { env, diskPath: path, operations, network, system, signal, onPhase, watcher };
    const signalCode = () => termination.exitCode();
    const writing = { status, signal, signalCode };
    const report = await carryOut({ ...request, diskFormat: format }, { flags, output, writing });
    status.clear(0);
    for (const line of reportLines(report)) await status.print(`${line}\n`);
    if (flags.quiet !== true) {
      const what = output?.path ?? image;
      const done = `${operations.length} ${operations.length === 1 ? "operation" : "operations"}`;
      const kept = flags.dryRun === true ? ", of which nothing is kept" : "";
      const took = duration(performance.now() - since);
      await status.print(`customized ${what}: ${done} in ${took}${kept}\n`);
    }
    for (const { user, password } of flags.dryRun === true ? [] : settled.randomPasswords) {
      await writeOut(`random password of ${user}: ${password}\n`);
    }
  } finally {
    status.close();
  }
}

interface Doing {
  readonly flags: CustomizeFlags;
  readonly output: OutputImage | undefined;
  readonly writing: {
    readonly status: StatusLine;
    readonly signal: AbortSignal;
    readonly signalCode: () => number | undefined;
  };
}

async function carryOut(
  request: CustomizeRequest & { readonly diskFormat: DiskFormat },
  { flags, output, writing }: Doing,
): Promise<EditReport> {
  if (output === undefined && flags.dryRun !== true) {
    const edited = await customizeImage(request);
    if (!edited.ok) throw cutShort(edited.error, writing.signalCode());
    return edited.value;
  }
  const { stagedPath } = orThrow(await exportTarget(output?.path ?? request.diskPath));
  const edited = await withCustomizedDisk(request, stagedPath, async (diskPath) => {
    if (output === undefined || flags.dryRun === true) return;
    const written = await writeDisk({ diskPath, diskFormat: "qcow2" }, output, writing);
    if (!written.ok) throw cutShort(written.error, writing.signalCode());
  });
  if (!edited.ok) throw cutShort(edited.error, writing.signalCode());
  return edited.value.report;
}

function outputOf({ output, outputFormat, compress }: CustomizeFlags): OutputImage | undefined {
  if (output === undefined) {
    const flag = outputFormat === undefined ? "--compress" : "--output-format";
    if (outputFormat === undefined && compress === undefined) return undefined;
    throw usage(`${flag} belongs to --output, which is not given`);
  }
  const image = imageOf(output, outputFormat, "--output-format");
  if (compress !== undefined && image.format !== "qcow2") {
    throw usage(`--compress ${compress}: only qcow2 can be compressed, not ${image.format}`);
  }
  return compress === undefined ? image : { ...image, compress };
}

async function operationsOf(sources: readonly AskedSource[]): Promise<readonly AskedOperation[]> {
  const asked: AskedOperation[] = [];
  for (const source of sources) {
    if (source.kind === "file") asked.push(...(await readOperations(source.path)));
    else asked.push(operationOf(source.name, source.argument));
  }
  if (asked.length > 0) return asked;
  throw usage("there is nothing to do", "name operations, as --mkdir /srv/www; --help lists them");
}

/** @throws UserError for what would wait for a network that is not there */
function refuseOffline(asked: readonly AskedOperation[], network: boolean): void {
  const needing = asked.find(({ operation: { kind } }) => kind === "install" || kind === "update");
  if (network || needing === undefined) return;
  throw usage(`${needing.label} needs the network`, "add --network");
}

/** Shows which command is under way, and with `--verbose` what it prints. */
function watcherOf(
  { verbose, quiet }: CustomizeFlags,
  { image, status, since }: { image: string; status: StatusLine; since: number },
): CommandWatcher {
  if (verbose === true) {
    return {
      onCommand: (command) => status.print(`${command}\n`),
      onLines: (lines) => status.print(lines.map((line) => `| ${line}\n`).join("")),
    };
  }
  if (quiet === true) return {};
  return { onCommand: (command) => status.set(0, `${image}: ${command}`, since) };
}

function reportLines(report: EditReport): readonly string[] {
  return [
    ...report.replayed.map(
      (place) => `note: the journal on ${place} was replayed: the system was not shut down cleanly`,
    ),
    ...report.notes.map((note) => `note: ${note}`),
  ];
}

function usage(message: string, hint?: string): UserError {
  return new UserError(message, {
    exitCode: exitCode.usage,
    ...(hint === undefined ? {} : { hint }),
  });
}
