import { expect, test } from "vitest";
import { type Capacity, MachineSlots } from "./machine-slots.ts";

/** Machines by name that end when the test says so. */
class Machines {
  readonly running = new Set<string>();
  readonly #ends = new Map<string, () => void>();
  readonly #slots: MachineSlots;
  lefts: Capacity[] = [];

  constructor(capacity: Partial<Capacity>) {
    const unbounded = { machines: Infinity, memoryBytes: Infinity, cpus: Infinity };
    this.#slots = new MachineSlots({ ...unbounded, ...capacity });
  }

  start(name: string, memoryBytes: number, cpus = 1): Promise<void> {
    return this.#slots.use({ memoryBytes, cpus }, async (left) => {
      this.lefts.push(left);
      this.running.add(name);
      await new Promise<void>((resolve) => this.#ends.set(name, resolve));
      this.running.delete(name);
    });
  }

  async end(name: string): Promise<void> {
    this.#ends.get(name)?.();
    await settled();
  }
}

/** Everything that can go on without the test has done so. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test.each<[string, Partial<Capacity>, readonly string[]]>([
  ["machines", { machines: 2 }, ["a", "b"]],
  ["memory", { memoryBytes: 6 }, ["a", "b"]],
  ["CPUs", { cpus: 3 }, ["a", "b", "c"]],
  ["nothing", {}, ["a", "b", "c", "d"]],
])("are bounded by %s", async (_, capacity, first) => {
  const machines = new Machines(capacity);
  const all = ["a", "b", "c", "d"].map((name) => machines.start(name, 3));
  await settled();
  expect([...machines.running]).toEqual(first);
  for (const name of ["a", "b", "c", "d"]) await machines.end(name);
  await Promise.all(all);
});

test("a machine that is too large for everything runs alone", async () => {
  const machines = new Machines({ memoryBytes: 4 });
  const all = [machines.start("small", 1), machines.start("huge", 100), machines.start("next", 1)];
  await settled();
  expect([...machines.running]).toEqual(["small"]);
  await machines.end("small");
  expect([...machines.running]).toEqual(["huge"]);
  await machines.end("huge");
  expect([...machines.running]).toEqual(["next"]);
  await machines.end("next");
  await Promise.all(all);
});

test("a small machine does not overtake a large one", async () => {
  const machines = new Machines({ memoryBytes: 4 });
  const all = [machines.start("a", 2), machines.start("large", 4), machines.start("small", 1)];
  await settled();
  expect([...machines.running]).toEqual(["a"]);
  await machines.end("a");
  expect([...machines.running]).toEqual(["large"]);
  await machines.end("large");
  await machines.end("small");
  await Promise.all(all);
});

test("who gets a place is told what is left", async () => {
  const machines = new Machines({ machines: 2, memoryBytes: 10 });
  const all = [machines.start("a", 3), machines.start("b", 4)];
  await settled();
  expect(machines.lefts).toMatchObject([
    { machines: 0, memoryBytes: 3 },
    { machines: 0, memoryBytes: 3 },
  ]);
  await machines.end("a");
  await machines.end("b");
  await Promise.all(all);
});

test("a failure gives the place back", async () => {
  const slots = new MachineSlots({ machines: 1, memoryBytes: 1, cpus: 1 });
  const need = { memoryBytes: 1, cpus: 1 };
  const failing = slots.use(need, () => Promise.reject(new Error("broken")));
  await expect(failing).rejects.toThrow("broken");
  expect(await slots.use(need, async () => "ran")).toBe("ran");
});
