/** The text on one line of at most `columns` characters. */
export function clip(text: string, columns: number): string {
  const line = text.replaceAll(/\s*\n\s*/g, " ");
  if (line.length <= columns || columns < 2) return line;
  return `${line.slice(0, columns - 1)}…`;
}

/**
 * A directive as a heading: the first line of a command of several (which `printOp` spells with `\\n`),
 * and no longer than `columns`.
 */
export function clipHeading(heading: string, columns: number): string {
  const [first = ""] = heading.split("\\n", 1);
  return clip(first === heading ? heading : `${first} …`, columns);
}
