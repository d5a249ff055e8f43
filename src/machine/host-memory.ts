import { readFileSync } from "node:fs";

/** Bytes of memory that new processes can have: what is free or can be freed, within this process' limits. */
export function availableMemoryBytes(): number {
  const free = parseAvailable(readFileSync("/proc/meminfo", "utf8")) ?? Infinity;
  // That of its control group; 0 when there is none that is known.
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(free, limit) : free;
}

/** `MemAvailable` of /proc/meminfo (proc(5)), in bytes. */
export function parseAvailable(meminfo: string): number | undefined {
  const kibibytes = /^MemAvailable:\s+(\d+) kB$/m.exec(meminfo)?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}
