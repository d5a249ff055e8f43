/** A script for a guest that prints what it was given, byte by byte in hex, so that nothing can be lost in print. */
export const dumpScript = `#!/bin/sh
hex() { od -A n -v -t x1 | tr -d ' \\n'; echo; }
for argument in "$@"; do printf %s "$argument" | hex; done
echo pwd; pwd | hex
echo environment; tr '\\0' '\\n' </proc/$$/environ | hex
`;

/** Text as the script prints it. */
export function hexOf(text: string): string {
  return Buffer.from(text).toString("hex");
}

/** What a line of the script's means. */
export function textOf(hex: string): string {
  return Buffer.from(hex, "hex").toString();
}

/** Texts that shells, tar, QEMU's options and line-based protocols have taken for something else somewhere. */
export const awkwardTexts: readonly string[] = [
  "two  blanks",
  " blanks around ",
  "tab\there",
  "it's",
  'say "hi"',
  "$HOME ${HOME} $(id) `id`",
  "back\\slash \\n \\\\ \\",
  "line\nbreak\n",
  "carriage\rreturn",
  "a;b&c|d>e<f",
  "percent %s %d%% %n",
  "-n",
  "--help",
  "-",
  "*?[a-z]~{a,b}!#^",
  "equals=sign,comma",
  "\u00fcml\u00e4ut \u65e5\u672c \u{1F600} e\u0301",
  "\u0001\u001b[31mred\u007f",
  "(parens) :colon",
];
