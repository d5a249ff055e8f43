import { formatOfName } from "../image/export-format.ts";
import type { ExportFormat } from "../store/qemu-img-argv.ts";
import { fileOutputOf, type FileOutput } from "./output-files.ts";
import { imageOf, type OutputImage } from "./output-image.ts";

/** What a build is to write besides its layers. */
export interface Outputs {
  readonly images: readonly OutputImage[];
  readonly files: readonly FileOutput[];
}

/**
 * What the flags `--output` ask for. `PATH:DIR` with an absolute path is files of the guest, unless it ends as an
 * image's name does.
 *
 * @throws UserError
 */
export function outputsOf({
  output = [],
  outputFormat,
}: {
  readonly output?: readonly string[];
  readonly outputFormat?: ExportFormat;
}): Outputs {
  const isFiles = (text: string) => /^\/[^:]*:./.test(text) && formatOfName(text) === undefined;
  return {
    images: output
      .filter((text) => !isFiles(text))
      .map((text) => imageOf(text, outputFormat, "--output-format")),
    files: output.filter(isFiles).map(fileOutputOf),
  };
}
