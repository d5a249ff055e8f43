import type { AskedOperation } from "../customize/operation.ts";
import { parseOperation, unknownOperation, operationFlags } from "../customize/parse-operation.ts";
import { exitCode } from "./exit-code.ts";
import { readBytes } from "./read-bytes.ts";
import { UserError } from "./user-error.ts";

/** One operation as its flag stands on the command line. @throws UserError */
export function operationOf(name: string, argument?: string): AskedOperation {
  const parsed = parseOperation(name, argument);
  if (parsed.ok) return parsed.value;
  throw usage(`--${name}${argument === undefined ? "" : ` ${argument}`}: ${parsed.error}`);
}

/**
 * The operations in a file, as virt-customize reads it: on each line one, with its argument after blanks; a `\` at a
 * line's end goes on with the next; empty lines and those that begin with `#` are none.
 *
 * @throws UserError that names the line
 */
export async function readOperations(path: string): Promise<readonly AskedOperation[]> {
  const text = Buffer.from(await readBytes(path, "a file of commands", 16 * 2 ** 20)).toString(
    "utf8",
  );
  const operations: AskedOperation[] = [];
  const lines = text.split(/\r?\n/);
  for (let number = 1; lines.length > 0;) {
    const first = number;
    let line = lines.shift() ?? "";
    number++;
    while (line.endsWith("\\") && lines.length > 0) {
      line = line.slice(0, -1) + (lines.shift() ?? "").trimStart();
      number++;
    }
    const [, name, argument] = /^\s*([^\s#]\S*)(?:\s+(.*\S))?\s*$/s.exec(line) ?? [];
    if (name === undefined) continue;
    operations.push(operationOn(`${path}:${first}`, name, argument));
  }
  return operations;
}

function operationOn(place: string, name: string, argument: string | undefined): AskedOperation {
  const flag = operationFlags.find((known) => known.name === name);
  if (flag === undefined) {
    throw usage(`${place}: there is no operation ${name}`, unknownOperation(name));
  }
  if ((flag.argument === undefined) !== (argument === undefined)) {
    throw usage(
      `${place}: ${name} takes ${flag.argument === undefined ? "no argument" : flag.argument}`,
    );
  }
  const parsed = parseOperation(name, argument);
  if (parsed.ok) return parsed.value;
  throw usage(`${place}: ${name} ${argument ?? ""}: ${parsed.error}`);
}

function usage(message: string, hint?: string): UserError {
  return new UserError(message, {
    exitCode: exitCode.usage,
    ...(hint === undefined ? {} : { hint }),
  });
}
