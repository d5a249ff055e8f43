import { type Command, Option } from "commander";
import { withCpuFlag, withMachineFlags } from "./machine-flags.ts";
import { readBoot, readDuration } from "./settings.ts";
import { withWishFlags } from "./wish-flags.ts";

/** `seed` and `task`: what cloud-init is given, and machines that do it. `withStore` adds the store's flag. */
export function addCloudInitCommands(
  program: Command,
  withStore: (command: Command) => Command,
): void {
  withWishFlags(
    withSeedFiles(
      program
        .command("seed")
        .description(
          "make a NoCloud seed image, which cloud-init reads in a machine that has it as a disk",
        )
        .requiredOption(
          "-o, --output <file>",
          "the image to write, in the place of one that is there",
        )
        .option("--user-data <file>", "what is to be done; - reads standard input"),
    ),
  ).action(async (flags) => (await import("./commands/seed.ts")).seed(flags));
  withTaskMachine(
    withWishFlags(
      withSeedFiles(
        withStore(
          program
            .command("task")
            .description(
              "run a script or a user-data in a cloud image; its exit status is the command's",
            )
            .argument(
              "<task>",
              "a script, which begins with #!, or a user-data; - reads standard input",
            )
            .requiredOption("--image <image>", "a base image's name, or a qcow2 or raw file"),
        ),
      ),
    ),
  ).action(async (task: string, flags) => (await import("./commands/task.ts")).task(task, flags));
}

function withSeedFiles(command: Command): Command {
  return command
    .option("--meta-data <file>", "what the instance is; without it: an instance-id of its own")
    .option("--vendor-data <file>", "what is to be done unless the user-data says otherwise")
    .option("--network-config <file>", "the network, in version 1 or 2")
    .option("--no-check", "take the files as they are");
}

function withTaskMachine(command: Command): Command {
  return withMachineFlags(withCpuFlag(command))
    .option("--disk <file>", "go on with this disk, and change it; made of the image when missing")
    .option("--save <name>", "keep the disk as a base image, when the task has succeeded")
    .option("--force", "let --save replace a base image")
    .option("--console", "connect the serial console to this terminal")
    .addOption(
      new Option("--cloud-init <way>", "how the seed gets there: a disk, or fetched from this host")
        .choices(["seed", "smbios"])
        .default("seed"),
    )
    .addOption(
      new Option(
        "--boot <how>",
        "warm: a script goes on with the base image's suspended machine; cold: boot, with cloud-init",
      ).argParser((text) => readBoot(text, "--boot")),
    )
    .addOption(
      new Option("--timeout <time>", "how long the task may take, for example 10m").argParser(
        (text) => readDuration(text, "--timeout"),
      ),
    )
    .addOption(
      new Option(
        "--boot-timeout <time>",
        "how long until the guest, or cloud-init in it, is heard of",
      ).argParser((text) => readDuration(text, "--boot-timeout")),
    )
    .option("-v, --verbose", "say more");
}
