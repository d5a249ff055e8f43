/**
 * One word for a POSIX shell (and for csh and fish, as long as it has no newline or `!`).
 *
 * Only single quotes: nothing inside them is special (POSIX.1-2017, Shell 2.2.2).
 */
export function quoteWord(text: string): string {
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** An argv as one shell command. */
export function quoteArgv(argv: readonly string[]): string {
  return argv.map(quoteWord).join(" ");
}
