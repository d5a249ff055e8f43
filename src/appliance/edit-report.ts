/** What the appliance tells of an edit: records that end in a NUL, with fields between tabs. Pure. */
import { printable } from "../spec/unprintable.ts";

/** A file system with a system on it. */
export interface FoundSystem {
  /** `partition 1`, or `the whole disk`. */
  readonly place: string;
  /** As it calls itself; empty when it does not. */
  readonly name: string;
}

/** Everything in it may come from the image, and can be shown. */
export interface EditReport {
  /** Every root file system that was found. */
  readonly systems: readonly FoundSystem[];
  /** Every volume of the image: where it is, and what is on it. */
  readonly volumes: readonly string[];
  /** Places whose journal was replayed: the image was not shut down, or not cleanly. */
  readonly replayed: readonly string[];
  /** What was not done, in words. */
  readonly notes: readonly string[];
  /** The exit status of a command of the image's that failed. */
  readonly exitStatus?: number;
  /** True when what was asked for cannot be done in this image. */
  readonly isImpossible: boolean;
  /** Why it was given up, when the appliance said so itself. */
  readonly failed?: string;
  /** What the disk holds that only the larger appliance can open; nothing was done then. */
  readonly wanting?: string;
  /** Records of the script's own, by their fields. */
  readonly records: readonly (readonly string[])[];
}

/** Reads what `editScript` prints, record by record, but for what commands have printed, see `ReportReader`. */
export function parseReport(lines: readonly string[]): EditReport {
  const systems: FoundSystem[] = [];
  const volumes: string[] = [];
  const replayed: string[] = [];
  const notes: string[] = [];
  const records: string[][] = [];
  let failed: string | undefined;
  let wanting: string | undefined;
  let exitStatus: number | undefined;
  let isImpossible = false;
  for (const line of lines) {
    const [kind = "", first = "", ...rest] = line.split("\t").map(onOneLine);
    const text = rest.join(" ");
    switch (kind) {
      case "system":
        systems.push({ place: first, name: text });
        break;
      case "volume":
        volumes.push(`${first}: ${text}`);
        break;
      case "replayed":
        replayed.push(first);
        break;
      case "note":
        notes.push([first, ...rest].join(" "));
        break;
      case "untrimmed":
        notes.push(`the free space of ${first} could not be trimmed`);
        break;
      case "failed":
        failed = first;
        break;
      case "wanting":
        wanting = first;
        break;
      case "exit":
        exitStatus = Number(first);
        break;
      case "impossible":
        isImpossible = true;
        break;
      case "done":
        break;
      default:
        records.push([kind, first, ...rest]);
    }
  }
  return {
    systems,
    volumes,
    replayed,
    notes,
    records,
    isImpossible,
    ...(exitStatus === undefined ? {} : { exitStatus }),
    ...(wanting === undefined ? {} : { wanting }),
    ...(failed === undefined ? {} : { failed }),
  };
}

function onOneLine(text: string): string {
  return printable(text.trim().replaceAll(/\s*\n\s*/g, "; "));
}
