/** How much may stay in a store, as flags say it. */
import { parseByteSize } from "../profile/byte-size.ts";
import { parseDurationMs } from "../spec/duration.ts";
import { exitCode } from "./exit-code.ts";
import { UserError } from "./user-error.ts";

const decimalUnits = ["K", "M", "G", "T", "P"];

/**
 * Bytes of a size on the disk: `20G` and `20GiB` count in powers of 1024, `20GB` in powers of 1000 as those who
 * sell disks do. May be 0.
 *
 * @throws UserError
 */
export function readRoom(text: string, from: string): number {
  const [, digits, unit = ""] = /^(\d+(?:\.\d+)?) ?([KMGTP])B$/i.exec(text) ?? [];
  const bytes =
    digits === undefined
      ? parseByteSize(text)
      : Math.floor(Number(digits) * 1000 ** (decimalUnits.indexOf(unit.toUpperCase()) + 1));
  if (bytes !== undefined && Number.isSafeInteger(bytes)) return bytes;
  throw new UserError(`${from}: ${JSON.stringify(text)} is not a size such as 500M, 20GB or 0`, {
    exitCode: exitCode.usage,
  });
}

/**
 * Milliseconds of an age. It needs a unit: where `14` means seconds, somebody who means days loses everything.
 *
 * @throws UserError
 */
export function readAge(text: string, from: string): number {
  const isNumber = /^\d+(\.\d+)?$/.test(text);
  const weeks = /^(\d+(?:\.\d+)?)w$/.exec(text)?.[1];
  const ms = weeks === undefined ? parseDurationMs(text) : Number(weeks) * 7 * 86_400_000;
  if (ms !== undefined && !isNumber) return ms;
  throw new UserError(`${from}: ${JSON.stringify(text)} is not an age such as 12h, 14d or 2w`, {
    exitCode: exitCode.usage,
    ...(isNumber ? { hint: `it needs a unit; did you mean ${text}d?` } : {}),
  });
}
