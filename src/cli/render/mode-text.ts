import type { FileEntry, FileType } from "../../files/listing.ts";

const letters: Readonly<Record<FileType, string>> = {
  file: "-",
  directory: "d",
  symlink: "l",
  fifo: "p",
  socket: "s",
  "block-device": "b",
  "character-device": "c",
};

/** Type and mode as `ls -l` shows them (POSIX.1-2017, ls). */
export function modeText({ type, mode }: FileEntry): string {
  const triple = (shift: number, special: number, [on, off]: readonly [string, string]): string => {
    const bits = mode >> shift;
    const isSpecial = (mode & special) !== 0;
    const last = (bits & 1) === 1 ? (isSpecial ? on : "x") : isSpecial ? off : "-";
    return `${(bits & 4) === 0 ? "-" : "r"}${(bits & 2) === 0 ? "-" : "w"}${last}`;
  };
  return [
    letters[type],
    triple(6, 0o4000, ["s", "S"]),
    triple(3, 0o2000, ["s", "S"]),
    triple(0, 0o1000, ["t", "T"]),
  ].join("");
}
