import type { BootSource, Profile } from "./profile.ts";

/** Files outside the disk that a profile boots with. */
export type BootFile = "kernel" | "initrd" | "firmware";

/** The boot files of a profile that has any. */
export function bootFiles(profile: Profile): readonly (readonly [BootFile, string])[] {
  const { boot } = profile;
  if (boot.kind === "kernel") {
    return [
      ["kernel", boot.kernel],
      ...(boot.initrd === undefined ? [] : [["initrd", boot.initrd] as const]),
    ];
  }
  return boot.firmware.kind === "uefi" ? [["firmware", boot.firmware.codePath]] : [];
}

/** The profile with each boot file's path replaced by what `map` gives. */
export function mapBootFiles(
  profile: Profile,
  map: (file: BootFile, path: string) => string,
): Profile {
  return { ...profile, boot: mapBoot(profile.boot, map) };
}

function mapBoot(boot: BootSource, map: (file: BootFile, path: string) => string): BootSource {
  if (boot.kind === "kernel") {
    return {
      ...boot,
      kernel: map("kernel", boot.kernel),
      ...(boot.initrd === undefined ? {} : { initrd: map("initrd", boot.initrd) }),
    };
  }
  return boot.firmware.kind === "uefi"
    ? { ...boot, firmware: { kind: "uefi", codePath: map("firmware", boot.firmware.codePath) } }
    : boot;
}
