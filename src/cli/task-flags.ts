import type { MachineFlags } from "./machine-flags.ts";
import type { SeedFlags } from "./read-seed.ts";
import type { WishFlags } from "./wish-flags.ts";

/** The flags of `vmbuild task`. */
export interface TaskFlags extends MachineFlags, SeedFlags, WishFlags {
  readonly image: string;
  readonly disk?: string;
  readonly save?: string;
  readonly force?: boolean;
  readonly console?: boolean;
  readonly cloudInit: "seed" | "smbios";
  readonly boot?: "warm" | "cold";
  readonly timeout?: number;
  readonly bootTimeout?: number;
  readonly verbose?: boolean;
}
