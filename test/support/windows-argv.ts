/**
 * Takes a command line apart as `CommandLineToArgvW` is documented to: the program's name is what stands between
 * quotes or up to the first blank; in an argument, 2n backslashes and a quote are n backslashes and begin or end a
 * quoted part, 2n + 1 and a quote are n backslashes and the quote, and two quotes in a quoted part are one.
 */
export function commandLineToArgv(line: string): string[] {
  const program = /^"([^"]*)"|^\S*/.exec(line);
  const argv = [program?.[1] ?? program?.[0] ?? ""];
  let rest = line.slice(program?.[0].length ?? 0).replace(/^[ \t]+/, "");
  while (rest !== "") {
    let argument = "";
    let quoted = false;
    let at = 0;
    for (; at < rest.length; at++) {
      const character = rest[at] as string;
      if (!quoted && (character === " " || character === "\t")) break;
      if (character === "\\") {
        const count = (/^\\+/.exec(rest.slice(at)) as RegExpExecArray)[0].length;
        const beforeQuote = rest[at + count] === '"';
        argument += "\\".repeat(beforeQuote ? Math.floor(count / 2) : count);
        at += count - 1;
        if (beforeQuote && count % 2 === 1) {
          argument += '"';
          at++;
        }
      } else if (character === '"') {
        if (quoted && rest[at + 1] === '"') {
          argument += '"';
          at++;
        } else {
          quoted = !quoted;
        }
      } else {
        argument += character;
      }
    }
    argv.push(argument);
    rest = rest.slice(at).replace(/^[ \t]+/, "");
  }
  return argv;
}
