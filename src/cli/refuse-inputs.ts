import { stat } from "node:fs/promises";
import { exitCode } from "./exit-code.ts";
import { UserError } from "./user-error.ts";

/**
 * Refuses an output that would take the place of a file that is read, whatever names the two have. Inputs that are
 * absent, `-`, or not there are none.
 *
 * @throws UserError
 */
export async function refuseInputs(
  output: string,
  inputs: readonly (string | undefined)[],
): Promise<void> {
  const identityOf = async (path: string): Promise<string | undefined> => {
    const stats = await stat(path).catch(() => undefined);
    return stats === undefined ? undefined : `${stats.dev}:${stats.ino}`;
  };
  const own = await identityOf(output);
  if (own === undefined) return;
  for (const input of inputs) {
    if (input === undefined || input === "-" || (await identityOf(input)) !== own) continue;
    throw new UserError(`${output} would take the place of ${input}, which is read`, {
      exitCode: exitCode.usage,
      hint: "write to another file",
    });
  }
}
