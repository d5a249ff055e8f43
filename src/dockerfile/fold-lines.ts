/** Here documents, and quotes with escapes of their own. */
const beyondScan = /<<|\$'/u;

const quoted = /\\.|'[^']*'|"(?:\\.|[^"\\])*"/gu;
const expansion = /\$\{[^{}]*\}/gu;
const openOrComment = /["'\\]|\$\{|(?:^|[\s;&|()])#/u;
const endsInOperator = /(?:&&|\|\||(?:^|[^|&>])\|)$/u;

/**
 * The lines of a command whose line breaks a shell takes for blanks, trimmed and without the empty
 * ones; undefined when a break means something, or when that is not certain.
 *
 * A break means nothing after `&&`, `||` and `|` outside of quotes and comments. These alone can be
 * written over several lines of a `RUN`, because Docker takes the breaks out.
 */
export function foldLines(command: string): string[] | undefined {
  const lines = command
    .split("\n")
    .map(trimBlanks)
    .filter((line) => line !== "");
  if (lines.length < 2) return lines;
  if (beyondScan.test(command) || lines.at(-1)?.startsWith("#") === true) return undefined;
  return lines.slice(0, -1).every(goesOn) ? lines : undefined;
}

function goesOn(line: string): boolean {
  const unquoted = line.replaceAll(quoted, "_").replaceAll(expansion, "_");
  return endsInOperator.test(unquoted) && !openOrComment.test(unquoted);
}

/** Blanks as shells have them; `trim` takes more, and a pattern for the end takes quadratic time. */
function trimBlanks(line: string): string {
  let start = 0;
  let end = line.length;
  while (start < end && isBlank(line[start])) start += 1;
  while (end > start && isBlank(line[end - 1])) end -= 1;
  return line.slice(start, end);
}

function isBlank(character: string | undefined): boolean {
  return character === " " || character === "\t";
}
