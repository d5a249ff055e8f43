/**
 * Command lines as Windows programs take them: one text, which each program splits itself. Pure text.
 *
 * Most split it as `CommandLineToArgvW` and Microsoft's C runtime do; cmd.exe has rules of its own (`cmd /?`).
 */
import { failed, ok, type Result } from "../result.ts";

/**
 * One argument for a program that splits its command line as `CommandLineToArgvW` does: backslashes are special
 * only before a quote, where two of them stand for one.
 */
export function quoteArgument(text: string): string {
  if (text !== "" && !/[\s"]/.test(text)) return text;
  const escaped = text.replaceAll(/(\\*)"/g, String.raw`$1$1\"`).replace(/\\+$/, "$&$&");
  return `"${escaped}"`;
}

/** A program and the rest of its command line, as `CreateProcess` puts the two together. */
export interface WindowsCommandLine {
  readonly program: string;
  readonly rest: string;
}

/** UTF-16 units that cmd.exe takes of a command line. */
const longestForCmd = 8191;

/** UTF-16 units that `CreateProcess` takes, with the program, its quotes, a space and the final NUL. */
const longest = 32_767;

/**
 * The command line of a step: `shell` with `command` as its last argument.
 *
 * cmd.exe is given the text between quotes and otherwise as it is: it takes the outer quotes away and reads
 * everything between them by its own rules, so that quotes, `%`, `^` and `&` are what the spec's author means them
 * to be. Every other program gets one argument, whatever is in it. Fails, in words, with what no command line can
 * carry.
 */
export function stepCommandLine(
  shell: readonly string[],
  command: string,
): Result<WindowsCommandLine, string> {
  const [program = "", ...options] = shell;
  const forCmd = isCmd(shell);
  // A line break at the end ends the line and begins no other.
  const text = forCmd ? command.replace(/[\r\n]+$/, "") : command;
  if (forCmd && /[\r\n]/.test(text)) {
    return failed(
      "cmd.exe runs the first line of a command only: join the lines with `&&`, or set another `shell`",
    );
  }
  const rest = [...options.map(quoteArgument), forCmd ? `"${text}"` : quoteArgument(text)].join(
    " ",
  );
  const limit = forCmd ? longestForCmd : longest;
  if (program.length + rest.length + 4 > limit) {
    return failed(
      `the command is too long: ${forCmd ? "cmd.exe" : "Windows"} takes ${limit} characters; \`copy\` a script in and run that`,
    );
  }
  return ok({ program, rest });
}

/** True for cmd.exe that is told to run a command. */
function isCmd(shell: readonly string[]): boolean {
  const program = /[^\\/]*$/.exec(shell[0] ?? "")?.[0].toLowerCase();
  const last = shell.at(-1)?.toLowerCase();
  return (program === "cmd" || program === "cmd.exe") && (last === "/c" || last === "/k");
}
