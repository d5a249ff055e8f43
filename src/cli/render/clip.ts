/** The text on one line of at most `columns` characters. */
export function clip(text: string, columns: number): string {
  const line = text.replaceAll(/\s*\n\s*/g, " ");
  if (line.length <= columns || columns < 2) return line;
  return `${line.slice(0, columns - 1)}…`;
}
