import { expect, test } from "vitest";
import type { WarmMachine } from "../suspend/warm-machine.ts";
import { PausedMachines } from "./paused-machines.ts";
import type { Room } from "./sandbox.ts";

/** Three machines that were paused in this order, of 100 bytes each; gives the ends of those that `trim` ended. */
async function trimmed(room?: Room): Promise<readonly string[]> {
  const ended: string[] = [];
  const machines = new PausedMachines(3);
  for (const id of ["first", "second", "third"]) {
    const warm = { [Symbol.asyncDispose]: async () => void ended.push(id) };
    await machines.add(id, {
      warm: warm as unknown as WarmMachine,
      saved: { kind: "saved", dir: "", parts: 0, files: [] },
      network: false,
      resources: {
        memoryBytes: 60,
        hostMemoryBytes: 100,
        cpus: 1,
        accelerator: "tcg",
        bootTimeoutMs: 1000,
      },
    });
  }
  await machines.trim(room);
  for (const id of ["first", "second", "third"]) {
    expect((await machines.take(id)) === undefined).toBe(ended.includes(id));
  }
  return ended.sort();
}

test.each<[string, Room | undefined, readonly string[]]>([
  ["no room at all", undefined, ["first", "second", "third"]],
  ["room for all", { machines: Infinity, memoryBytes: Infinity }, []],
  ["room for one machine", { machines: 1, memoryBytes: Infinity }, ["first", "second"]],
  ["memory for two machines", { machines: Infinity, memoryBytes: 299 }, ["first"]],
  ["less than nothing", { machines: -1, memoryBytes: -5 }, ["first", "second", "third"]],
  ["no room but for the next", { machines: 0, memoryBytes: 0, next: "second" }, ["first", "third"]],
  ["room for one besides the next", { machines: 1, memoryBytes: 100, next: "third" }, ["first"]],
])("%s", async (_, room, ended) => {
  expect(await trimmed(room)).toEqual(ended);
});
