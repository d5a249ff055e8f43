import type { Command } from "commander";
import { addSystemFlags } from "./system-choice.ts";

/** `files`, `diff` and `inspect`: what is in images, without booting them. `withStore` adds the store's flag. */
export function addFilesCommands(program: Command, withStore: (command: Command) => Command): void {
  const files = program
    .command("files")
    .description("read an image, a layer or a base image without booting it");
  const anImage = "an image's file, a layer's id or tag, or a base image";
  const commands = () => import("./commands/files.ts");
  const ofImage = (parent: Command, name: string, description: string): Command =>
    addSystemFlags(
      withStore(parent.command(name).description(description).argument("<image>", anImage)),
    );
  const onImage = (name: string, description: string, path: string): Command =>
    ofImage(files, name, description).argument(
      path,
      "absolute in the image; a symlink is followed",
    );
  ofImage(
    program,
    "inspect",
    "tell what is in an image without booting it: system, packages, users, file systems",
  )
    .option("--packages", "list the packages")
    .option("--json", "print JSON, with the packages")
    .action(async (image: string, flags) =>
      (await import("./commands/inspect.ts")).inspect(image, flags),
    );
  addSystemFlags(
    withStore(
      program
        .command("diff")
        .description("show what is different between the files of two images, without booting them")
        .argument("<before>", anImage)
        .argument("<after>", "the same"),
    ),
  )
    .option("--content", "also what is different within text files, as diff -u tells it")
    .option("--exit-code", "end with 1 when something is different")
    .option("--json", "print JSON")
    .action(async (before: string, after: string, flags) =>
      (await import("./commands/diff.ts")).diff(before, after, flags),
    );
  onImage("ls", "list a directory", "[path]")
    .option("-l, --long", "with modes, owners, sizes, times (UTC) and where symlinks lead")
    .option("-R, --recursive", "with all below it")
    .option("--json", "print JSON")
    .action(async (image: string, path: string | undefined, flags) =>
      (await commands()).filesLs(image, path, flags),
    );
  onImage("cat", "print a file", "<path>").action(async (image: string, path: string, flags) =>
    (await commands()).filesCat(image, path, flags),
  );
  onImage("get", "copy a file or directory to the host", "<path>")
    .argument("[dir]", "the directory it comes into, made when missing (default: this one)")
    .action(async (image: string, path: string, dir: string | undefined, flags) =>
      (await commands()).filesGet(image, path, dir, flags),
    );
  onImage("tar", "write a path with all below it as a tar archive, with owners and modes", "[path]")
    .option("-o, --output <file>", "to a file instead of standard output")
    .action(async (image: string, path: string | undefined, flags) =>
      (await commands()).filesTar(image, path, flags),
    );
  ofImage(files, "df", "tell the file systems, and how full they are")
    .option("--json", "print JSON")
    .action(async (image: string, flags) => (await commands()).filesDf(image, flags));
}
