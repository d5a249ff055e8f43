import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { serveSeed, smbiosSerial } from "../cloudinit/imds-server.ts";
import { type SeedContent, seedFiles } from "../cloudinit/seed-files.ts";
import { seedImage } from "../cloudinit/seed-image.ts";
import type { GuestConfig } from "../machine/guest.ts";
import type { GuestHardware } from "./guest-hardware.ts";

/** How a guest gets at a seed. */
export type SeedWay = "smbios" | "seed";

/** A seed that a guest can get at until it is disposed of. */
export interface SeedDelivery extends AsyncDisposable {
  /** What of the guest's configuration leads to it. */
  readonly config: Pick<GuestConfig, "seedPath" | "smbiosSerial">;
}

/**
 * The way that is taken unless one is asked for: by the network where there is one and the firmware tells the guest of
 * it, else by a disk.
 */
export function defaultSeedWay(network: boolean, hardware: GuestHardware): SeedWay {
  return network && hasSmbios(hardware) ? "smbios" : "seed";
}

/** `microvm` has no SMBIOS, and Arm's `virt` gives it to UEFI alone. */
export function hasSmbios({
  arch,
  machine,
  boot,
}: Pick<GuestHardware, "arch" | "machine" | "boot">): boolean {
  return arch === "aarch64" ? boot.kind === "firmware" : machine.split(",", 1)[0] !== "microvm";
}

/** Serves a seed over HTTP, or writes it to a disk in `workDir`. */
export async function deliverSeed(
  content: Partial<SeedContent>,
  way: SeedWay,
  workDir: string,
): Promise<SeedDelivery> {
  // cloud-init wants the file, and takes an empty one.
  const files = seedFiles({ userData: new Uint8Array(), ...content });
  if (way === "smbios") {
    const imds = await serveSeed(files);
    return {
      config: { smbiosSerial: smbiosSerial(imds.url()) },
      [Symbol.asyncDispose]: () => imds[Symbol.asyncDispose](),
    };
  }
  const seedPath = join(workDir, "seed.img");
  await writeFile(seedPath, seedImage(files), { mode: 0o600 });
  return { config: { seedPath }, async [Symbol.asyncDispose]() {} };
}
