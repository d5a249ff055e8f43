import { Command, Option } from "commander";
import { addBaseCommands } from "./base-commands.ts";
import { addBootCommands } from "./boot-commands.ts";
import { addCloudInitCommands } from "./cloud-init-commands.ts";
import { addGenerateCommands } from "./generate-commands.ts";
import {
  readAccelerator,
  readBoot,
  readCount,
  readDuration,
  readGigabytes,
  readMemory,
  readSize,
  readStore,
} from "./settings.ts";
import { exportFormats } from "../store/qemu-img-argv.ts";
import { addCustomizeCommand } from "./customize-commands.ts";
import { addFilesCommands } from "./files-commands.ts";
import { addExportCommands } from "./export-commands.ts";
import { addUpkeepCommands } from "./upkeep-commands.ts";
import { vmbuildVersion } from "../build/version.ts";

/**
 * The whole command line: names, flags and help. What a command does is loaded when it is run, so
 * that a build that finds everything cached starts fast.
 */
export function createProgram(): Command {
  const program = new Command("vmbuild")
    .description("Build virtual-machine images in cached layers from OBuilder specs.")
    .version(vmbuildVersion(), "-V, --version", "print the version")
    .helpOption("-h, --help", "explain a command")
    .exitOverride()
    .configureHelp({ showGlobalOptions: false, sortSubcommands: false })
    .showHelpAfterError("(try --help)")
    .addHelpText(
      "after",
      `
Exit codes:
  0  success
  1  a command of the spec failed or timed out
  2  the command line is wrong
  3  the input is wrong: spec, build context, vmbuild.toml, profile, base image, id
  4  the host lacks something: a program, disk space, rights; or verify found something wrong
  5  the guest did not boot, let vmbuild in, or stay up
  70 a bug in vmbuild; 128+N ended by signal N

Settings also come from VMBUILD_… variables and vmbuild.toml; see the README.`,
    );
  addBuild(program);
  addSpecCommands(program);
  addLayerCommands(program);
  addUpkeepCommands(program, withStore);
  addExportCommands(program, withStore);
  addCustomizeCommand(program, withStore);
  addFilesCommands(program, withStore);
  addBaseCommands(program, withStore);
  addCacheCommands(program);
  addGenerateCommands(program, withStore);
  addCloudInitCommands(program, withStore);
  addBootCommands(program, withStore);
  withStore(
    program
      .command("healthcheck")
      .description(
        "check that this host can build: programs, accelerator, disk, store, a real boot",
      )
      .option("--base <name>", "base image to boot", "busybox")
      .option("-v, --verbose", "say why"),
  ).action(async (flags) => (await import("./commands/healthcheck.ts")).healthcheck(flags));
  for (const command of everyCommand(program))
    command.exitOverride().showHelpAfterError("(try --help)");
  return program;
}

function* everyCommand(command: Command): Generator<Command> {
  for (const child of command.commands) {
    yield child;
    yield* everyCommand(child);
  }
}

function withStore(command: Command): Command {
  return command.addOption(
    new Option("--store <dir>", "directory of the store (also qemu:DIR)").argParser((text) =>
      readStore(text, "--store"),
    ),
  );
}

function withContext(command: Command): Command {
  return command
    .requiredOption("-f, --file <spec>", "the spec; - reads standard input")
    .argument("[context]", "directory that `copy` reads", ".");
}

function withDiskSize(command: Command): Command {
  return command.addOption(
    new Option("--disk-size <size>", "grow the disk of `from`, for example 20G").argParser((text) =>
      readSize(text, "--disk-size"),
    ),
  );
}

function withMachine(command: Command): Command {
  return command
    .addOption(
      new Option("--memory <size>", "memory of each machine, for example 2G").argParser((text) =>
        readMemory(text, "--memory"),
      ),
    )
    .addOption(
      new Option("--cpus <n>", "CPUs of each machine").argParser((text) =>
        readCount(text, "--cpus"),
      ),
    )
    .addOption(
      new Option(
        "--accelerator <name>",
        "auto, kvm or tcg (default: the fastest that works)",
      ).argParser((text) => readAccelerator(text, "--accelerator")),
    )
    .addOption(
      new Option(
        "--boot-timeout <time>",
        "how long a guest may take to answer, for example 90s",
      ).argParser((text) => readDuration(text, "--boot-timeout")),
    )
    .addOption(
      new Option("--qemu-memory <gb>", "OBuilder's name for --memory, in GB")
        .argParser((text) => readGigabytes(text, "--qemu-memory"))
        .hideHelp(),
    )
    .addOption(
      new Option("--qemu-cpus <n>", "OBuilder's name for --cpus")
        .argParser((text) => readCount(text, "--qemu-cpus"))
        .hideHelp(),
    )
    .addOption(
      new Option("--qemu-boot-time <s>", "OBuilder's name for --boot-timeout, in seconds")
        .argParser((text) => readCount(text, "--qemu-boot-time") * 1000)
        .hideHelp(),
    );
}

function addBuild(program: Command): void {
  withMachine(
    withDiskSize(
      withStore(
        withContext(
          program
            .command("build")
            .description("build a spec; the last line on standard output is the id"),
        ),
      ),
    ),
  )
    .addOption(
      new Option(
        "-o, --output <what>",
        "also write the result: FILE is one flat image (.qcow2, .img, .raw, .vmdk, .vhdx or .vdi), PATH:DIR copies a file or directory of the guest into DIR; may be repeated",
      ).argParser((text, before: readonly string[] | undefined) => [...(before ?? []), text]),
    )
    .addOption(
      new Option(
        "--output-format <format>",
        "format of --output, when its name does not tell",
      ).choices(exportFormats),
    )
    .option("-t, --tag <name>", "name the result, for `from` and to protect it")
    .option("--keep-going", "after a failure, build everything that does not need what failed")
    .option(
      "--secret <id>",
      "a secret of the spec: ID:FILE, or ID=env:VARIABLE; once for each",
      (text: string, earlier: readonly string[]) => [...earlier, text],
      [],
    )
    .option("--keep-failed", "leave the machine of a failed step running and print how to log in")
    .addOption(
      new Option(
        "--boot <how>",
        "warm: go on with suspended machines; cold: boot one for every step",
      ).argParser((text) => readBoot(text, "--boot")),
    )
    .addOption(
      new Option("--warm-budget <size>", "what suspended machines may take on the disk").argParser(
        (text) => readSize(text, "--warm-budget"),
      ),
    )
    .addOption(
      new Option(
        "--jobs <n>",
        "machines at once (default: what the memory and the CPUs are enough for)",
      ).argParser((text) => readCount(text, "--jobs")),
    )
    .addOption(
      new Option("--log-limit <size>", "bytes of output kept per step").argParser((text) =>
        readSize(text, "--log-limit"),
      ),
    )
    .addOption(
      new Option("--progress <kind>", "how progress is written to standard error")
        .choices(["auto", "plain", "json", "none"])
        .default("auto"),
    )
    .option("-v, --verbose", "say more: phases, the accelerator and why")
    .action(async (context: string, flags) =>
      (await import("./commands/build.ts")).build(context, flags),
    );
}

function addSpecCommands(program: Command): void {
  withDiskSize(
    withStore(
      withContext(
        program
          .command("plan")
          .description("show the steps with their ids and which are cached, without building"),
      ),
    ),
  )
    .option("--json", "print JSON")
    .action(async (context: string, flags) =>
      (await import("./commands/plan.ts")).plan(context, flags),
    );
  program
    .command("check")
    .description("check a spec without building it")
    .argument("<file...>", "the specs; - reads standard input")
    .option("--strict-obuilder", "also reject what OBuilder does not know")
    .action(async (files: string[], flags) =>
      (await import("./commands/check.ts")).check(files, flags),
    );
  program
    .command("fmt")
    .description("format a spec; prints it unless told otherwise")
    .argument("<file...>", "the specs; - reads standard input")
    .addOption(
      new Option("--check", "only say which files would change (exit 3)").conflicts("write"),
    )
    .option("--write", "change the files")
    .action(async (files: string[], flags) =>
      (await import("./commands/fmt.ts")).fmt(files, flags),
    );
  program
    .command("dockerfile")
    .description("convert a spec to a Dockerfile; prints it")
    .requiredOption("-f, --file <spec>", "the spec; - reads standard input")
    .option("--buildkit", "write caches and secrets as BuildKit's mounts")
    .addOption(
      new Option("--escape <style>", "escape characters as on unix or windows")
        .choices(["unix", "windows"])
        .default("unix"),
    )
    .action(async (flags) => (await import("./commands/dockerfile.ts")).dockerfile(flags));
}

function addLayerCommands(program: Command): void {
  const layers = () => import("./commands/layers.ts");
  withStore(program.command("ls").description("list the layers in the store"))
    .option("--json", "print JSON")
    .option("-q, --quiet", "print full ids only")
    .action(async (flags) => (await layers()).ls(flags));
  withStore(
    program
      .command("verify")
      .description("look for anything that is wrong with the store, without changing it (exit 4)"),
  )
    .option("--quick", "do not read the base images")
    .option("--json", "print JSON")
    .action(async (flags) => (await import("./commands/verify.ts")).verify(flags));
  withStore(
    program
      .command("show")
      .description("describe a layer")
      .argument("<id>", "id, its first 4 digits or more, or tag"),
  )
    .option(
      "--files",
      "list what the step has changed, file by file, as `vmbuild diff` of its parent and it",
    )
    .option("--json", "print JSON")
    .action(async (id: string, flags) => (await layers()).show(id, flags));
  withStore(
    program
      .command("log")
      .description("print what a step printed, also a failed one")
      .argument("<id>", "id, its first 4 digits or more, or tag"),
  ).action(async (id: string, flags) => (await layers()).log(id, flags));
  withStore(
    program
      .command("tag")
      .description("name a layer, for `from` and to protect it")
      .argument("<id>", "id, its first 4 digits or more, or tag")
      .argument("<name>", "the name"),
  ).action(async (id: string, name: string, flags) => (await layers()).tag(id, name, flags));
  withStore(
    program.command("untag").description("take a name away").argument("<name>", "the name"),
  ).action(async (name: string, flags) => (await layers()).untag(name, flags));
}

function addCacheCommands(program: Command): void {
  const cache = program.command("cache").description("caches that `run` steps share");
  const commands = () => import("./commands/caches.ts");
  withStore(cache.command("ls").description("list caches with their sizes"))
    .option("--json", "print JSON")
    .action(async (flags) => (await commands()).cacheLs(flags));
  withStore(
    cache.command("rm").description("remove caches").argument("<name...>", "their names"),
  ).action(async (names: string[], flags) => (await commands()).cacheRm(names, flags));
}
