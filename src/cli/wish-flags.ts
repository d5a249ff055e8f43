import type { Command } from "commander";

/** What a machine is wished to be, as flags of a command say it. */
export interface WishFlags {
  readonly user?: string;
  readonly sshKey?: readonly string[];
  readonly password?: string;
  readonly hostname?: string;
  readonly package?: readonly string[];
  readonly run?: readonly string[];
}

/** Adds the flags of {@link WishFlags} to a command. */
export function withWishFlags(command: Command): Command {
  return command
    .option("--user <name>", "make an account that may do everything with sudo")
    .option(
      "--ssh-key <key>",
      "a public key that may log in, or a file of them; may be repeated",
      collect,
    )
    .option(
      "--password <from>",
      "the account's password: FILE, env:VARIABLE, or - for standard input",
    )
    .option("--hostname <name>", "the machine's name")
    .option(
      "--package <names>",
      "packages to install, with commas between; may be repeated",
      collect,
    )
    .option("--run <command>", "a shell command to run as root; may be repeated", collect);
}

function collect(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text];
}

/** Whether any of the flags was given. */
export function hasWishes(flags: WishFlags): boolean {
  const { user, sshKey, password, hostname, package: packages, run } = flags;
  return [user, sshKey, password, hostname, packages, run].some((flag) => flag !== undefined);
}
