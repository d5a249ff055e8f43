/** Files in which systems say what they are. Pure. */
import type {
  InstalledPackage,
  PackageFormat,
  UserAccount,
  VolumeDescription,
} from "./inspection.ts";

/** os-release(5): shell assignments, without expansion. Lines that are none are left out. */
export function parseOsRelease(text: string): Readonly<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const line of text.split("\n")) {
    const [, key, value = ""] = /^\s*([A-Za-z_][A-Za-z0-9_]*)=(.*?)\s*$/.exec(line) ?? [];
    if (key === undefined) continue;
    const [, quote, quoted = ""] = /^(["'])(.*)\1$/s.exec(value) ?? [];
    values[key] =
      quote === "'" ? quoted : (quote === undefined ? value : quoted).replaceAll(/\\(.)/g, "$1");
  }
  return values;
}

/** passwd(5). Lines that are no account are left out. */
export function parsePasswd(text: string): readonly UserAccount[] {
  return text.split("\n").flatMap((line) => {
    const [name = "", , uid, gid, , home = "", shell = ""] = line.split(":");
    if (!/^\d+$/.test(uid ?? "") || !/^\d+$/.test(gid ?? "")) return [];
    return [{ name, uid: Number(uid), gid: Number(gid), home, shell }];
  });
}

/** The packages that are installed, by name, as the package manager's own list has them. */
export function parsePackages(format: PackageFormat, text: string): readonly InstalledPackage[] {
  return parsers[format](text).sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

const parsers: Readonly<Record<PackageFormat, (text: string) => InstalledPackage[]>> = {
  // Of `/var/lib/dpkg/status`; what was removed and has left configuration stays in the list.
  dpkg: (text) =>
    paragraphs(text).flatMap((paragraph) =>
      /^Status: \S+ \S+ installed$/m.test(paragraph)
        ? packageOf(
            field(paragraph, "Package: "),
            field(paragraph, "Version: "),
            field(paragraph, "Architecture: "),
          )
        : [],
    ),
  // Of `/lib/apk/db/installed`.
  apk: (text) =>
    paragraphs(text).flatMap((paragraph) =>
      packageOf(field(paragraph, "P:"), field(paragraph, "V:"), field(paragraph, "A:")),
    ),
  // Of the files `desc`, one after the other: a line with the key, and the value below it.
  pacman: (text) =>
    text
      .split(/^(?=%NAME%$)/m)
      .flatMap((about) =>
        packageOf(field(about, "%NAME%\n"), field(about, "%VERSION%\n"), field(about, "%ARCH%\n")),
      ),
  // As it was asked for: name, version and release, architecture. Keys that were imported are no packages.
  rpm: (text) =>
    text.split("\n").flatMap((line) => {
      const [name, version, arch] = line.split("\t");
      return name === "gpg-pubkey" ? [] : packageOf(name, version, arch);
    }),
};

function paragraphs(text: string): readonly string[] {
  return text.split(/\n{2,}/);
}

function field(text: string, key: string): string | undefined {
  const at = text.startsWith(key) ? 0 : text.indexOf(`\n${key}`) + 1;
  if (at === 0 && !text.startsWith(key)) return undefined;
  const [value] = text.slice(at + key.length).split("\n", 1);
  return value;
}

function packageOf(name?: string, version?: string, arch?: string): InstalledPackage[] {
  if (!name || !version) return [];
  return [arch ? { name, version, arch } : { name, version }];
}

/** What the processor of a program is called by `uname -m`, by the beginning of its file (elf(5)). */
export function elfArch(head: Buffer): string | undefined {
  if (head.length < 20 || head.readUInt32BE(0) !== 0x7f454c46) return undefined;
  const isBigEndian = head[5] === 2;
  const machine = isBigEndian ? head.readUInt16BE(18) : head.readUInt16LE(18);
  switch (machine) {
    case 3:
      return "i686";
    case 21:
      return isBigEndian ? "ppc64" : "ppc64le";
    case 22:
      return "s390x";
    case 40:
      return "armv7l";
    case 62:
      return "x86_64";
    case 183:
      return "aarch64";
    case 243:
      return "riscv64";
    case 258:
      return "loongarch64";
    default:
      return undefined;
  }
}

/** The fields of a record `filesystem` of `describeVolumes`. */
export function parseVolume(fields: readonly string[]): VolumeDescription {
  const [place = "", type = "", uuid = "", label = "", size = "", on = "", usage = ""] = fields;
  const [blockBytes = 0, total = 0, free = 0, available = 0] = usage.split(" ").map(Number);
  return {
    place,
    type,
    // As blkid(8) spells it, and fstab(5) with it.
    ...(uuid === "" ? {} : { uuid: type === "vfat" ? uuid.toUpperCase() : uuid }),
    ...(label === "" ? {} : { label }),
    sizeBytes: Number(size),
    ...(on === "" || usage === ""
      ? {}
      : {
          mounted: {
            on,
            totalBytes: total * blockBytes,
            usedBytes: (total - free) * blockBytes,
            availableBytes: available * blockBytes,
          },
        }),
  };
}
