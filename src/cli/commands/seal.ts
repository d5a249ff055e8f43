import { resolve } from "node:path";
import { editableImage } from "../../appliance/edit-image.ts";
import { createBuildEnvironment } from "../../create-environment.ts";
import { sealImage, type SealReport } from "../../seal/seal-image.ts";
import { exitCode } from "../exit-code.ts";
import { openSettingsAndStore } from "../open-store.ts";
import { orThrow } from "../or-throw.ts";
import { writeOut } from "../output.ts";
import { checkImage, cutShort, refuseStore, writeSealed } from "../output-image.ts";
import {
  buildKeys,
  operationsOf,
  operationTable,
  sealReportText,
  type SelectionFlags,
} from "../sealing.ts";
import { refuseInputs } from "../refuse-inputs.ts";
import type { Settings } from "../settings.ts";
import { readSystemChoice, type SystemFlags } from "../system-choice.ts";
import { listenForTermination } from "../terminate.ts";
import { UserError } from "../user-error.ts";
import { type FormFlags, outputOf, statusLine } from "./export.ts";

interface SealFlags extends FormFlags, SelectionFlags, SystemFlags, Pick<Settings, "store"> {
  readonly output?: string;
  readonly list?: boolean;
  readonly verbose?: boolean;
}

/** `vmbuild seal`: an image made fit to be cloned, in place or as a copy. */
export async function seal(image: string | undefined, flags: SealFlags): Promise<void> {
  const operations = operationsOf(flags);
  if (flags.list === true) return writeOut(operationTable(operations));
  if (image === undefined) {
    throw new UserError("name the image to seal", {
      exitCode: exitCode.usage,
      hint: "vmbuild seal disk.qcow2; --list shows what it does",
    });
  }
  const output = flags.output === undefined ? undefined : outputOf(flags.output, flags);
  if (output === undefined) refuseForm(flags);
  const system = await readSystemChoice(flags);
  const { settings, store, layout } = await openSettingsAndStore(flags);
  if (output !== undefined) {
    await refuseInputs(output.path, [image]);
    await checkImage(output, { storeRoot: store.root });
  }
  const verbose = flags.verbose === true;
  const status = statusLine();
  using termination = listenForTermination(() => {
    void status.print("stopping; once more to stop at once\n");
  });
  const { signal } = termination;
  try {
    const diskPath = resolve(image);
    const { path, format } = orThrow(await editableImage(diskPath, signal));
    if (output === undefined) {
      await refuseStore(
        path,
        store.root,
        "`vmbuild export NAME --seal -o FILE` writes a sealed copy",
      );
    }
    const env = createBuildEnvironment({
      ...settings,
      store,
      contextDir: process.cwd(),
      note: (message) => void (verbose ? status.print(`${message}\n`) : undefined),
    });
    const publicKeys = await buildKeys(layout);
    const onReport = (report: SealReport): Promise<void> =>
      status.print(sealReportText(report, { what: flags.output ?? image, verbose }));
    const request = { env, operations, publicKeys, system, signal };
    if (output === undefined) {
      const since = performance.now();
      const onPhase = () => status.set(0, `sealing ${image}`, since);
      const sealed = await sealImage({ ...request, diskPath: path, onPhase });
      status.clear(0);
      if (!sealed.ok) throw cutShort(sealed.error, termination.exitCode());
      await onReport(sealed.value);
      return;
    }
    const writing = { status, signal, signalCode: () => termination.exitCode() };
    const disk = { ...request, diskPath: path, diskFormat: format };
    const sealing = { operations, publicKeys, onReport };
    const written = await writeSealed(disk, output, { ...writing, sealing });
    if (!written.ok) throw cutShort(written.error, termination.exitCode());
    await status.print(`wrote ${output.path}\n`);
  } finally {
    status.close();
  }
}

/** What an image in place stays as it is in. @throws UserError */
function refuseForm({ format, compress, threads, sums }: FormFlags): void {
  const given = [
    ...(format === undefined ? [] : ["--format"]),
    ...(compress === undefined ? [] : ["--compress"]),
    ...(threads === undefined ? [] : ["--threads"]),
    ...(sums ? [] : ["--no-sums"]),
  ];
  if (given.length === 0) return;
  throw new UserError(`${given.join(" and ")} belongs to --output, which is not given`, {
    exitCode: exitCode.usage,
  });
}
