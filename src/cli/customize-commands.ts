import { type Command, Option } from "commander";
import { notTakenFlags, operationFlags } from "../customize/parse-operation.ts";
import { exportFormats } from "../store/qemu-img-argv.ts";
import type { AskedSource } from "./commands/customize.ts";
import { addSystemFlags } from "./system-choice.ts";
import { exitCode } from "./exit-code.ts";
import { UserError } from "./user-error.ts";

/** `customize`: an image that is changed without being booted. `withStore` adds the store's flag. */
export function addCustomizeCommand(
  program: Command,
  withStore: (command: Command) => Command,
): void {
  // The operations are done in the order in which they stand on the command line, whatever their flags.
  const asked: AskedSource[] = [];
  const command = addSystemFlags(
    withStore(
      program
        .command("customize")
        .description(
          "change an image without booting it: files, accounts, packages; as virt-customize does",
        ),
    ),
  )
    .option(
      "-a, --add <image>",
      "the image, qcow2 or raw, of a system that is off; changed in place",
    )
    .addOption(
      new Option("--format <format>", "the image's format; without it, it is found out").choices([
        "qcow2",
        "raw",
        "auto",
      ]),
    )
    .option("-o, --output <file>", "write a new image, and leave the image as it is")
    .addOption(
      new Option(
        "--output-format <format>",
        "format of --output, when its name does not tell",
      ).choices(exportFormats),
    )
    .addOption(
      new Option("--compress <how>", "compress the output, which must be qcow2").choices([
        "zstd",
        "zlib",
      ]),
    )
    .option("--network", "let the image's programs reach the network")
    .option("--no-network", "do not (the default)")
    .option("-n, --dry-run", "do it all, and keep nothing of it")
    .option("-q, --quiet", "print no progress")
    .option("-v, --verbose", "print what commands print")
    .addOption(
      new Option(
        "--commands-from-file <file>",
        "operations, one on each line, without dashes",
      ).argParser((path: string) => void asked.push({ kind: "file", path })),
    );
  command.optionsGroup("Operations, done in the order in which they are given:");
  for (const { name, argument, description } of operationFlags) {
    const option = new Option(
      `--${name}${argument === undefined ? "" : ` <${argument}>`}`,
      description,
    );
    command.addOption(
      argument === undefined
        ? option
        : option.argParser(
            (text: string) => void asked.push({ kind: "flag", name, argument: text }),
          ),
    );
    if (argument === undefined) {
      command.on(`option:${name}`, () => asked.push({ kind: "flag", name }));
    }
  }
  for (const [name, reason] of Object.entries(notTakenFlags)) {
    command.addOption(
      new Option(`--${name} [argument]`).hideHelp().argParser((): never => {
        throw new UserError(`--${name} is not taken`, { exitCode: exitCode.usage, hint: reason });
      }),
    );
  }
  command.action(async (flags) =>
    (await import("./commands/customize.ts")).customize(asked, flags),
  );
}
