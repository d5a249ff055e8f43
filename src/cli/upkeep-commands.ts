import { type Command, Option } from "commander";
import { readAge, readRoom } from "./store-limits.ts";

/** `df`, `prune`, `clean` and `delete`: keeping a store in bounds. `withStore` adds the store's flag. */
export function addUpkeepCommands(
  program: Command,
  withStore: (command: Command) => Command,
): void {
  withStore(
    program
      .command("df")
      .description("show what takes how much room in the store, and what could go"),
  )
    .option("--json", "print JSON, in bytes")
    .action(async (flags) => (await import("./commands/df.ts")).df(flags));
  withStore(
    program
      .command("prune")
      .description(
        "remove what was not used for longest; nothing that is in use, tagged or needed by that",
      ),
  )
    .addOption(
      new Option(
        "--keep <size>",
        "until layers, suspended machines and caches take at most that, for example 20GB",
      ).argParser((text) => readRoom(text, "--keep")),
    )
    .addOption(
      new Option("--free <size>", "until the file system has that much free").argParser((text) =>
        readRoom(text, "--free"),
      ),
    )
    .addOption(
      new Option("--older-than <age>", "what was last used longer ago, for example 14d").argParser(
        (text) => readAge(text, "--older-than"),
      ),
    )
    .option("--caches", "caches too, after everything else")
    .option("-n, --dry-run", "only list what would go, in order, and how much that frees")
    .option("--json", "print JSON, in bytes")
    .action(async (flags) => (await import("./commands/prune.ts")).prune(flags));
  withStore(
    program
      .command("clean")
      .description("remove what dead processes left; asks nothing and says what it did"),
  )
    .option("--all", "and everything but base images, tags, and what is tagged or in use")
    .addOption(new Option("--keep-caches", "with --all: but no caches"))
    .action(async (flags) => (await import("./commands/clean.ts")).clean(flags));
  withStore(
    program
      .command("delete")
      .description("remove layers; all of them or, when one cannot go, none")
      .argument("<id...>", "ids, their first 4 digits or more, or tags"),
  )
    .option("-r, --recursive", "also the layers built on them")
    .option("-n, --dry-run", "only list what would go, in order")
    .action(async (ids: string[], flags) =>
      (await import("./commands/delete.ts")).deleteLayers(ids, flags),
    );
}
