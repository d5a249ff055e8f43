import { type Command, Option } from "commander";
import { readForward } from "./boot-flags.ts";
import { withSelection } from "./export-commands.ts";
import { withCpuFlag, withMachineFlags } from "./machine-flags.ts";
import { readDuration } from "./settings.ts";
import { withWishFlags } from "./wish-flags.ts";

/** `boot` and `configure`: machines for images that nobody logs into. `withStore` adds the store's flag. */
export function addBootCommands(program: Command, withStore: (command: Command) => Command): void {
  withWishFlags(withMachineFlags(withStore(withCpuFlag(addBoot(program))))).action(
    async (image: string, flags) => (await import("./commands/boot.ts")).boot(image, flags),
  );
  withSelection(withMachineFlags(withStore(addConfigure(program)))).action(async (flags) =>
    (await import("./commands/configure.ts")).configure(flags),
  );
}

function addBoot(program: Command): Command {
  return program
    .command("boot")
    .description("boot an image, a layer or a base image, with its console here")
    .argument("<image>", "a qcow2 or raw file, a base image's name, or an id or tag of a layer")
    .option("--persist", "let the machine write to the file; without it, all it writes is dropped")
    .addOption(
      new Option(
        "--forward <host:guest>",
        "make a TCP port of the guest's reachable on 127.0.0.1; :GUEST takes any free one; may be repeated",
      ).argParser(readForward),
    )
    .option("--user-data <file>", "a user-data for cloud-init; - reads standard input")
    .option("--meta-data <file>", "a meta-data; without it: an instance-id for this content")
    .option("--vendor-data <file>", "a vendor-data")
    .option("--network-config <file>", "a network-config")
    .option("--no-check", "give the files to cloud-init as they are")
    .addOption(
      new Option(
        "--cloud-init <way>",
        "how they get there: smbios, fetched from this host, or a seed disk (default: smbios where that works)",
      ).choices(["smbios", "seed"]),
    )
    .option("--no-console", "do not connect the console to this terminal")
    .option("--console-log <file>", "write what comes on the console to a file");
}

function addConfigure(program: Command): Command {
  return program
    .command("configure")
    .description("boot an image once with a cloud-init seed, and keep what that made of it")
    .option("--image-input-path <file>", "the image", "generated-images/image.qcow2")
    .addOption(socketOption().default("generated-images/qemu-monitor-socket"))
    .addOption(threeDashes(socketOption()))
    .option("--config-user-data-path <file>", "the user-data", "cloud-init-config/user-data")
    .option(
      "--config-meta-data-path <file>",
      "the meta-data (default: cloud-init-config/meta-data, if it is there)",
    )
    .option(
      "--config-vendor-data-path <file>",
      "the vendor-data (default: cloud-init-config/vendor-data, if it is there)",
    )
    .option(
      "--config-seed-output-path <file>",
      "where the seed image is put that is made of them",
      "image-config/seed.img",
    )
    .option(
      "--qemu-cpu-model <model>",
      "the CPU as QEMU calls it; host means max where there is no KVM",
      "host",
    )
    .addOption(
      new Option(
        "--boot-timeout <time>",
        "how long to wait for cloud-init to begin (default: 5m)",
      ).argParser((text) => readDuration(text, "--boot-timeout")),
    )
    .option("--no-check", "give the files to cloud-init as they are")
    .option("--no-seal", "leave the image as cloud-init has left it, with its keys, ids and logs");
}

function socketOption(): Option {
  return new Option(
    "--image-qemu-socket-path <path>",
    "where the machine's monitor (QMP) listens meanwhile",
  );
}

/** The same flag with three dashes, as gen-vm-image spells it. */
function threeDashes(option: Option): Option {
  const attribute = option.attributeName();
  option.attributeName = () => attribute;
  option.long = `-${option.long}`;
  return option.hideHelp();
}
