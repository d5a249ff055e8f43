import { type Command, Option } from "commander";
import { readArch } from "./boot-flags.ts";

/** `base`: what `from` names. `withStore` adds the store's flag. */
export function addBaseCommands(program: Command, withStore: (command: Command) => Command): void {
  const base = program.command("base").description("base images: what `from` names");
  const commands = () => import("./commands/base.ts");
  withStore(
    base
      .command("build")
      .description("make a base image from its recipe, or of a distribution's cloud image")
      .argument("<name>", "the recipe, for example busybox"),
  )
    .option("--if-missing", "do nothing when it is there already")
    .option("--force", "replace it when it is there already")
    .option("--mirror <url>", "Debian mirror to fetch packages from")
    .addOption(
      new Option(
        "--iso <file>",
        "installation ISO, for windows-server-2022 and openbsd; base-images/README.md says where to get it",
      ).env("VMBUILD_ISO"),
    )
    .addOption(
      new Option(
        "--drivers <file>",
        "virtio-win.iso, for windows-server-2022; without it: SATA",
      ).env("VMBUILD_DRIVERS"),
    )
    .addOption(
      new Option(
        "--openssh <file>",
        "OpenSSH-Win64-….msi, for windows-server-2022; without it: from Windows Update",
      ).env("VMBUILD_OPENSSH"),
    )
    .addOption(
      new Option(
        "--url <url>",
        "another place for the image of debian-12-cloud, ubuntu-24.04, rocky-9 or fedora",
      ).env("VMBUILD_IMAGE_URL"),
    )
    .addOption(
      new Option(
        "--checksum <type:value>",
        "its checksum, such as sha256:…; without it: what the publisher gives beside the image",
      ).env("VMBUILD_IMAGE_CHECKSUM"),
    )
    .option(
      "--download-only",
      "of those: only get the image into the store, and compare it; print its path",
    )
    .option("-v, --verbose", "show what the recipe prints")
    .action(async (name: string, flags, command: Command) => {
      // One from the environment may be meant for another recipe.
      const asked = (["iso", "drivers", "openssh"] as const).filter(
        (medium) => command.getOptionValueSource(medium) === "cli",
      );
      await (await commands()).baseBuild(name, { ...flags, asked });
    });
  withStore(
    base
      .command("add")
      .description("add a disk you already have")
      .argument("<name>", "its name in `from`"),
  )
    .requiredOption("--from <file>", "the disk, qcow2 or raw")
    .option("--profile <file>", "its profile (TOML); default: OBuilder's defaults")
    .option(
      "--cloud-init",
      "it is a cloud image: boot it once, let cloud-init give vmbuild a login, and keep what it is then",
    )
    .addOption(
      new Option(
        "--arch <name>",
        "with --cloud-init: x86_64 or aarch64, when no profile says it (default: this host's)",
      )
        .argParser(readArch)
        .conflicts("profile"),
    )
    .option("--force", "replace it when it is there already")
    .action(async (name: string, flags) => (await commands()).baseAdd(name, flags));
  withStore(base.command("ls").description("list base images"))
    .option("--json", "print JSON")
    .action(async (flags) => (await commands()).baseLs(flags));
  withStore(
    base
      .command("rm")
      .description("remove a base image; layers built on it stay good")
      .argument("<name>", "its name"),
  ).action(async (name: string, flags) => (await commands()).baseRm(name, flags));
}
