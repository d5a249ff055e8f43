/**
 * The command line: the only place where everything comes together, and the only one that exits.
 */
import { CommanderError } from "commander";
import { exitCode } from "./exit-code.ts";
import { createProgram } from "./program.ts";
import { printError } from "./render/print-error.ts";
import { UserError } from "./user-error.ts";

/** Runs one command line (without `node` and the script's name) and sets the process' exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  // A reader that has seen enough (`vmbuild ls | head`) is no error.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(exitCode.success);
  });
  try {
    await createProgram().parseAsync(argv, { from: "user" });
  } catch (error) {
    process.exitCode = report(error);
  }
}

function report(error: unknown): number {
  if (error instanceof CommanderError) {
    // Commander has printed its message or the help already.
    return error.exitCode === 0 ? exitCode.success : exitCode.usage;
  }
  if (error instanceof UserError) {
    printError(error);
    return error.exitCode;
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  printError({
    message: `internal error: ${message}`,
    detail: stack,
    hint: "this is a bug in vmbuild; please report it with the command line and the spec",
  });
  return exitCode.internal;
}
