import type { UserError } from "../user-error.ts";
import { styleFor, wantsColor } from "./style.ts";

/** Writes an error for its user to standard error: `vmbuild: …`, details, and the way out. */
export function printError(error: Pick<UserError, "message" | "detail" | "hint">): void {
  const style = styleFor(wantsColor(process.stderr, process.env));
  const lines = [`${style.red(style.bold("vmbuild:"))} ${error.message}`];
  if (error.detail !== undefined && error.detail !== "") {
    lines.push(...error.detail.split("\n").map((line) => `  ${line}`));
  }
  if (error.hint !== undefined) lines.push(`  ${style.bold("hint:")} ${error.hint}`);
  process.stderr.write(`${lines.join("\n")}\n`);
}
