import { UEFI_CODE_PATHS } from "./default-profile.ts";
import type { BootSource, Firmware, GuestArch } from "./profile.ts";
import type { TomlTable } from "./toml-table.ts";

interface BootDefaults {
  readonly arch: GuestArch;
  /** What relative paths are taken from. */
  readonly folder: string;
  readonly fallback: BootSource;
}

/** Reads `firmware`, or `kernel`, `initrd` and `append`; the two ways exclude each other. */
export function readBoot(table: TomlTable, { arch, folder, fallback }: BootDefaults): BootSource {
  const firmware = readFirmware(table, arch, folder);
  const kernel = table.path("kernel", folder);
  const initrd = table.path("initrd", folder);
  const append = table.text("append");
  if (!table.has("kernel")) {
    for (const key of ["initrd", "append"]) {
      if (table.has(key)) table.problem(key, "is for a `kernel`, and there is none");
    }
    return firmware === undefined ? fallback : { kind: "firmware", firmware };
  }
  if (table.has("firmware")) {
    table.problem("firmware", "does not go with `kernel`", "remove one of the two");
  }
  return {
    kind: "kernel",
    kernel: kernel ?? "",
    ...(initrd !== undefined && { initrd }),
    append: append ?? "",
  };
}

function readFirmware(table: TomlTable, arch: GuestArch, folder: string): Firmware | undefined {
  const value = table.wordOrPath("firmware", ["bios", "uefi"], folder);
  if (value === undefined) return undefined;
  if ("path" in value) return { kind: "uefi", codePath: value.path };
  return value.word === "bios"
    ? { kind: "bios" }
    : { kind: "uefi", codePath: UEFI_CODE_PATHS[arch] };
}
