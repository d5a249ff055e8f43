const literal = /^([+-]?)(?:0([xXoObBuU]))?([0-9a-fA-F][0-9a-fA-F_]*)$/u;

const bases = new Map([
  ["x", 16],
  ["o", 8],
  ["b", 2],
  ["u", 10],
]);

/**
 * The value of a literal that OCaml's `int_of_string` reads: sign, `0x` `0o` `0b` `0u` prefix,
 * underscores after the first digit. Undefined for any other text.
 *
 * There is no upper limit here: beyond 2^53 the result is inexact or infinite, so compare it only.
 * OCaml refuses or wraps what does not fit in 63 bits, and no such number is a user id either way.
 */
export function parseOcamlInt(text: string): number | undefined {
  const parts = literal.exec(text);
  if (parts === null) return undefined;
  const [, sign, prefix, digits = ""] = parts;
  const base = bases.get(prefix?.toLowerCase() ?? "u") ?? 10;
  let value = 0;
  for (const character of digits) {
    if (character === "_") continue;
    const digit = Number.parseInt(character, 16);
    if (digit >= base) return undefined;
    value = value * base + digit;
  }
  return sign === "-" && value !== 0 ? -value : value;
}
