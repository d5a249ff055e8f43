import { createBuildEnvironment } from "../../create-environment.ts";
import type { Compression, ExportFormat } from "../../store/qemu-img-argv.ts";
import { exitCode } from "../exit-code.ts";
import { findImageSource } from "../image-source.ts";
import { openSettingsAndStore } from "../open-store.ts";
import { checkImage, imageOf, type OutputImage, writeImage } from "../output-image.ts";
import { liveStatus, plainLines, type StatusLine } from "../render/status-line.ts";
import { buildKeys, operationsOf, sealReportText, type SelectionFlags } from "../sealing.ts";
import type { Settings } from "../settings.ts";
import { listenForTermination } from "../terminate.ts";
import { UserError } from "../user-error.ts";

/** The flags that say what an image is to be like. */
export interface FormFlags {
  readonly format?: ExportFormat;
  readonly compress?: Compression;
  readonly threads?: number;
  /** False for `--no-sums`. */
  readonly sums: boolean;
}

interface ExportFlags extends FormFlags, SelectionFlags, Pick<Settings, "store"> {
  readonly output: string;
  readonly seal?: boolean;
  readonly verbose?: boolean;
}

/** `vmbuild export`: a layer or a base image as one image. */
export async function exportLayer(text: string, flags: ExportFlags): Promise<void> {
  const image = outputOf(flags.output, flags);
  if (flags.seal !== true && (flags.enable ?? flags.disable) !== undefined) {
    throw new UserError("--enable and --disable choose what --seal does, which is not given", {
      exitCode: exitCode.usage,
    });
  }
  const operations = operationsOf(flags);
  const { settings, store, layout } = await openSettingsAndStore(flags);
  await checkImage(image, { storeRoot: store.root });
  const verbose = flags.verbose === true;
  const status = statusLine();
  using termination = listenForTermination(() => {
    void status.print("stopping; once more to stop at once\n");
  });
  const { signal } = termination;
  try {
    const env = createBuildEnvironment({
      ...settings,
      store,
      contextDir: process.cwd(),
      note: (message) => void (verbose ? status.print(`${message}\n`) : undefined),
    });
    const source = await findImageSource(text, env, signal);
    await using _ = await store.hold(source.kind === "layer" ? [source.layer.id] : []);
    const sealing = {
      operations,
      publicKeys: flags.seal === true ? await buildKeys(layout) : [],
      onReport: (report: Parameters<typeof sealReportText>[0]) =>
        status.print(sealReportText(report, { what: flags.output, verbose })),
    };
    await writeImage(source, env, image, {
      status,
      signal,
      signalCode: () => termination.exitCode(),
      ...(flags.seal === true ? { sealing } : {}),
    });
  } finally {
    status.close();
  }
}

/** The image that flags ask for. @throws UserError */
export function outputOf(
  output: string,
  { format, compress, threads, sums }: FormFlags,
): OutputImage {
  const image = imageOf(output, format, "--format");
  if (compress !== undefined && image.format !== "qcow2") {
    throw new UserError(
      `--compress ${compress}: only qcow2 can be compressed, not ${image.format}`,
      {
        exitCode: exitCode.usage,
      },
    );
  }
  return {
    ...image,
    sums,
    ...(compress === undefined ? {} : { compress }),
    ...(threads === undefined ? {} : { threads }),
  };
}

/** A line that moves on a terminal, whole lines elsewhere. */
export function statusLine(): StatusLine {
  return process.stderr.isTTY ? liveStatus(process.stderr) : plainLines(process.stderr);
}
