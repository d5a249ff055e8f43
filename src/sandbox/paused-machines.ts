import { randomBytes } from "node:crypto";
import { sealDisk, switchDisk } from "../suspend/switch-disk.ts";
import type { Machine } from "../machine/machine.ts";
import { firstDiskNode } from "../machine/qemu-disk.ts";
import type { Result } from "../result.ts";
import { wakeInput } from "../suspend/wake-program.ts";
import type { SavedOrigin, WarmMachine } from "../suspend/warm-machine.ts";
import type { Resources, Room, SandboxHooks, SandboxJob, WarmJob } from "./sandbox.ts";

/** A machine that stands still after a job, saved as it is. */
export interface PausedMachine {
  readonly warm: WarmMachine;
  /** As what it was saved, in a directory that is the layer's by now. */
  readonly saved: SavedOrigin;
  /** Whether it reaches the network, which is decided when QEMU starts. */
  readonly network: boolean;
  readonly resources: Resources;
}

/** Machines that wait for the job after theirs, by the layer they stand at. */
export class PausedMachines {
  readonly #limit: number;
  readonly #machines = new Map<string, PausedMachine>();
  readonly #nodes = new WeakMap<Machine, string>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Makes what a saved machine has written readable for others, before its layer is promoted. */
  async seal(
    { machine }: WarmMachine,
    diskPath: string,
    signal: AbortSignal,
  ): Promise<Result<void, string>> {
    return sealDisk(machine.monitor, this.#nodeOf(machine), diskPath, signal);
  }

  /** Keeps a machine that was sealed; the one that waited longest is ended when there are too many. */
  async add(id: string, paused: PausedMachine): Promise<void> {
    this.#machines.set(id, paused);
    for (const [other, { warm }] of this.#machines) {
      if (this.#machines.size <= this.#limit) break;
      this.#machines.delete(other);
      await warm[Symbol.asyncDispose]();
    }
  }

  /** Takes out the machine that stands at layer `id`. */
  async take(id: string): Promise<PausedMachine | undefined> {
    const paused = this.#machines.get(id);
    this.#machines.delete(id);
    return paused;
  }

  /** Lets a paused machine go on with a job, on the job's disk; undefined when it cannot. */
  async goOn(
    { warm, saved }: PausedMachine,
    job: Pick<SandboxJob, "diskPath"> & { readonly warm: Pick<WarmJob, "parentDir"> },
    { signal, onMachine }: Pick<SandboxHooks, "signal" | "onMachine">,
  ): Promise<WarmMachine | undefined> {
    const { machine, session } = warm;
    await onMachine(machine.pid);
    const node = this.#nodeOf(machine);
    const switched = await switchDisk(machine.monitor, node, job.diskPath, signal);
    if (!switched.ok) return undefined;
    this.#nodes.set(machine, switched.value);
    const woken = session.wake(wakeInput(randomBytes(64), Date.now()));
    const running = await machine.monitor.execute("cont", {}, signal);
    if (!running.ok || !(await woken)) return undefined;
    return { ...warm, origin: { ...saved, dir: job.warm.parentDir } };
  }

  /** The block node that a machine writes to, or wrote to last. */
  #nodeOf(machine: Machine): string {
    return this.#nodes.get(machine) ?? firstDiskNode;
  }

  /** Ends those that waited longest, until the others fit into the room; without it all. */
  async trim(room?: Room): Promise<void> {
    const counted = [...this.#machines].filter(([id]) => id !== room?.next).toReversed();
    const ends: WarmMachine[] = [];
    let [machines, memoryBytes] = [0, 0];
    for (const [id, { warm, resources }] of counted) {
      machines += 1;
      memoryBytes += resources.hostMemoryBytes;
      if (room !== undefined && machines <= room.machines && memoryBytes <= room.memoryBytes)
        continue;
      this.#machines.delete(id);
      ends.push(warm);
    }
    await Promise.all(ends.map((warm) => warm[Symbol.asyncDispose]()));
  }
}
