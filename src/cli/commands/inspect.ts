import { inspectDisk } from "../../inspect/inspect-disk.ts";
import { printable } from "../../spec/unprintable.ts";
import { columns, writeOut } from "../output.ts";
import { type ImageFlags, readImages } from "../read-image.ts";
import { inspectionText } from "../render/inspection-text.ts";

interface InspectFlags extends ImageFlags {
  readonly packages?: boolean;
  readonly json?: boolean;
}

/** `vmbuild inspect`: what is in an image that is not booted. */
export async function inspect(image: string, flags: InspectFlags): Promise<void> {
  const { inspection, report } = await readImages(flags, async (reader) =>
    reader.orThrow(await inspectDisk(await reader.open(image))),
  );
  for (const place of report.replayed) {
    process.stderr.write(
      `note: the journal on ${place} is dirty: the system was not shut down cleanly\n`,
    );
  }
  if (flags.json === true) return writeOut(`${JSON.stringify(inspection, undefined, 2)}\n`);
  if (flags.packages !== true) return writeOut(inspectionText(inspection));
  await writeOut(
    columns(
      inspection.packages.map(({ name, version, arch = "" }) =>
        [name, version, arch].map((text) => printable(text)),
      ),
    ),
  );
}
