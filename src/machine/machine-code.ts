/**
 * The bytes of an assembly listing: hexadecimal digits from the start of each line up to a `;`, which
 * begins the instruction they stand for. `word` bytes are given most significant first, as a
 * disassembler prints an instruction word, and stored least significant first.
 */
export function machineCode(listing: string, word: 1 | 4 = 1): Buffer {
  const digits = listing
    .split("\n")
    .map((line) => line.replace(/;.*/, "").replaceAll(/\s/g, ""))
    .join("");
  const code = Buffer.from(digits, "hex");
  return word === 4 ? code.swap32() : code;
}
