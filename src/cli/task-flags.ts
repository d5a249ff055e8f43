import type { GuestArch } from "../profile/profile.ts";
import type { SeedFlags } from "./read-seed.ts";
import type { WishFlags } from "./wish-flags.ts";

/** The flags of `vmbuild task`. */
export interface TaskFlags extends SeedFlags, WishFlags {
  readonly image: string;
  readonly store?: string;
  readonly disk?: string;
  readonly save?: string;
  readonly force?: boolean;
  readonly console?: boolean;
  /** False for `--no-network`. */
  readonly network: boolean;
  readonly cloudInit: "seed" | "smbios";
  readonly boot?: "warm" | "cold";
  readonly timeout?: number;
  readonly bootTimeout?: number;
  readonly arch?: GuestArch;
  readonly machine?: string;
  readonly firmware?: string;
  readonly memory?: number;
  readonly cpus?: number;
  readonly accelerator?: "auto" | "kvm" | "tcg";
  readonly verbose?: boolean;
}
