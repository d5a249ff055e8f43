import { type Command, Option } from "commander";
import { readCount, readDuration } from "./settings.ts";

/** `generate`: disk images as an architecture file describes them. */
export function addGenerateCommands(
  program: Command,
  withStore: (command: Command) => Command,
): void {
  withStore(
    program
      .command("generate")
      .description("make disk images of the cloud images that an architecture file describes"),
  )
    .option("--architecture-path <file>", "the architecture file", "architecture.yml")
    .option(
      "--image-output-path <path>",
      'the image, or a directory for several (default: "generated-images/image.qcow2", of several images "generated-images/")',
    )
    .option("--generated-image-owner <user>", "whose the images are, by name or uid", "qemu")
    .option("--image <name...>", "only these images, by their keys in the file or their names")
    .option("--overwrite", "replace files that are there already")
    .option("--shrink", "cut off the end of a disk that is larger than its size in the file")
    .addOption(
      new Option("--jobs <n>", "images that are made at once")
        .default(2)
        .argParser((text) => readCount(text, "--jobs")),
    )
    .addOption(
      new Option(
        "--download-timeout <time>",
        "give up when a server sends nothing for so long (default: 60s)",
      ).argParser((text) => readDuration(text, "--download-timeout")),
    )
    .option("--generate-gocd-config", "also write GoCD pipelines for the images")
    .option("--gocd-config-name <file>", "the file for that", "1.gocd.yml")
    .option("--gocd-build-branch <branch>", "the branch that GoCD builds images of", "main")
    .option(
      "--gocd-git-url <url>",
      "the repository that GoCD fetches (default: the remote `origin` of this one)",
    )
    .option(
      "--no-images",
      "make no images: only check the file, and write GoCD pipelines if told to",
    )
    .action(async (flags) => (await import("./commands/generate.ts")).generate(flags));
}
