import { type Command, Option } from "commander";
import { exportFormats, mostThreads } from "../store/qemu-img-argv.ts";
import { exitCode } from "./exit-code.ts";
import { addSystemFlags } from "./system-choice.ts";
import { readCount } from "./settings.ts";
import { UserError } from "./user-error.ts";

/** `export` and `seal`: images that leave the store. `withStore` adds the store's flag. */
export function addExportCommands(
  program: Command,
  withStore: (command: Command) => Command,
): void {
  withSelection(
    withForm(
      withStore(
        program
          .command("export")
          .description(
            "write a layer or a base image as one flat, cleanly shut down image, with its sum in SHA256SUMS",
          )
          .argument("<id>", "id, its first 4 digits or more, tag, or name of a base image")
          .requiredOption(
            "-o, --output <file>",
            "the image (.qcow2, .img, .raw, .vmdk, .vhdx or .vdi), in the place of one that is there",
          ),
      ),
    ),
  )
    .option("--seal", "as `vmbuild seal` does; the layer stays as it is")
    .option("-v, --verbose", "with --seal: say what it removed; and more about machines")
    .action(async (id: string, flags) =>
      (await import("./commands/export.ts")).exportLayer(id, flags),
    );
  withSelection(
    addSystemFlags(
      withForm(
        withStore(
          program
            .command("seal")
            .description(
              "take out of an image, without booting it, what must not be in its clones: ids, keys, logs, …",
            )
            .argument("[image]", "the image, qcow2 or raw; changed in place")
            .option("-o, --output <file>", "write a sealed copy, and leave the image as it is"),
        ),
      ),
    ),
  )
    .option("--list", "list the operations; those with a * are done by default")
    .option("-v, --verbose", "say what was removed; and more about machines")
    .action(async (image: string | undefined, flags) =>
      (await import("./commands/seal.ts")).seal(image, flags),
    );
}

function withForm(command: Command): Command {
  return command
    .addOption(
      new Option("--format <format>", "format of --output, when its name does not tell").choices(
        exportFormats,
      ),
    )
    .addOption(
      new Option("--compress <how>", "compress the output, which must be qcow2").choices([
        "zstd",
        "zlib",
      ]),
    )
    .addOption(
      new Option(
        "--threads <n>",
        `pieces that are compressed and written at once, 1 to ${mostThreads} (default: 8); 1 gives the same bytes each time`,
      ).argParser(readThreads),
    )
    .option("--no-sums", "do not write SHA256SUMS");
}

/** Adds the flags that choose what sealing does. */
export function withSelection(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--enable <names>",
        "do these operations and no others, with commas between; `defaults` is all with a *",
      ).argParser(readNames),
    )
    .addOption(
      new Option("--disable <names>", "do not do these, with commas between").argParser(readNames),
    );
}

function readThreads(text: string): number {
  const threads = readCount(text, "--threads");
  if (threads <= mostThreads) return threads;
  throw new UserError(`--threads ${text}: qemu-img takes at most ${mostThreads}`, {
    exitCode: exitCode.usage,
  });
}

/** May be given several times. */
function readNames(text: string, before: readonly string[] = []): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  return [...before, ...names.filter((name) => name !== "")];
}
