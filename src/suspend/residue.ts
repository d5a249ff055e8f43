/**
 * What a step leaves in the guest's RAM only: mounts, kernel settings, running services, files on a tmpfs.
 * None of it is part of a layer, so a machine that holds some may not go on to the next step; only what can
 * be taken away again is. The guest tells its facts, and the host compares them with those of the machine as
 * it was when it had booted.
 */
import { isGauge, withWritesOf } from "./facts.ts";

/** How a machine differs from what it was when it had booted. */
export interface Residue {
  /** Files on a tmpfs that were not there; to be removed. */
  readonly newFiles: readonly string[];
  /** What cannot be undone, for a person; the machine may not be used any more. */
  readonly changes: readonly string[];
  /** What to compare with next time. */
  readonly baseline: string;
}

/** Compares two answers of {@link readFacts}. */
export function compareResidue(baseline: string, now: string): Residue {
  const before = factsOf(baseline);
  const after = factsOf(now);
  const added = [...after].filter((fact) => !before.has(fact));
  const gone = [...before].filter((fact) => !after.has(fact));
  const oldFiles = new Set([...before].flatMap((fact) => tmpfsPath(fact) ?? []));
  const newFiles: string[] = [];
  const changes: string[] = [];
  for (const fact of added) {
    const path = tmpfsPath(fact);
    if (path !== undefined && !oldFiles.has(path)) newFiles.push(path);
    else changes.push(describe(fact));
  }
  for (const fact of gone) {
    if (!fact.startsWith("module ")) changes.push(describe(fact));
  }
  return { newFiles, changes: [...new Set(changes)], baseline: withWritesOf(baseline, now) };
}

function factsOf(text: string): ReadonlySet<string> {
  return new Set(text.split("\n").filter((fact) => !isGauge(fact)));
}

function tmpfsPath(fact: string): string | undefined {
  return /^tmpfs \S+ (.*)$/.exec(fact)?.[1];
}

function describe(fact: string): string {
  const [kind, ...rest] = fact.split(" ");
  const text = rest.join(" ");
  switch (kind) {
    case "mount":
      return `the mount ${rest[0]}`;
    case "sysctl":
      return `the kernel setting ${text.split("=", 1)[0]}`;
    case "group":
      return `the service ${text.split("/").at(-1)}`;
    case "process":
      return `the process ${text}`;
    case "tmpfs":
      return `the file ${text.slice(text.indexOf(" ") + 1)}`;
    case "boot":
      return `${text.slice(text.lastIndexOf(" ") + 1)}, which a boot or a login applies`;
    case "login":
      return "root's account or groups, which a login applies";
    case "module":
      return `the kernel module ${text}`;
    default:
      return text;
  }
}
