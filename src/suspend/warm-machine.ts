import type { Machine } from "../machine/machine.ts";
import type { Fingerprint } from "./fingerprint.ts";
import type { PortSession } from "./port-session.ts";
import type { FileMark } from "./record.ts";

/** Where the RAM of a running machine comes from: what it is compared with when it is saved. */
export type RamOrigin =
  /** Empty RAM: the machine was booted. */
  { readonly kind: "booted" } | SavedOrigin;

/** The machine that was saved in `dir`, where another one may be by now. */
export interface SavedOrigin {
  readonly kind: "saved";
  readonly dir: string;
  /** How many parts its RAM has besides the base. */
  readonly parts: number;
  /** Its files, by which it is told from another. */
  readonly files: readonly FileMark[];
}

/** A machine that runs, or is paused, and can be suspended. */
export interface WarmMachine extends AsyncDisposable {
  readonly machine: Machine;
  readonly session: PortSession;
  readonly fingerprint: Fingerprint;
  /** The file that QEMU maps as RAM, by its name, or by its path when it is a device. */
  readonly ramFile: string;
  readonly memoryBytes: number;
  readonly origin: RamOrigin;
  /** What the guest kept in RAM only when nothing had been done in it. */
  readonly baseline: string;
}
