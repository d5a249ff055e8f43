/** Looking what is on a disk, without booting it. */
import type { EditReport } from "../appliance/edit-report.ts";
import type { EditFailure } from "../appliance/failure.ts";
import { type DiskRequest, readDisk } from "../appliance/read-disk.ts";
import { failed, ok, type Result } from "../result.ts";
import { imageInfo } from "../store/qemu-img.ts";
import type { TreeFailure } from "../tree/failure.ts";
import { readTarFiles } from "../tree/tar-files.ts";
import type { Inspection, PackageFormat, VolumeDescription } from "./inspection.ts";
import {
  elfArch,
  parseOsRelease,
  parsePackages,
  parsePasswd,
  parseVolume,
} from "./parse-system-files.ts";

/** What is on a disk, and what was seen on the way. */
export interface InspectedDisk {
  readonly report: EditReport;
  readonly inspection: Inspection;
}

/**
 * Looks at a disk's volumes, its system, packages and users. Nothing of the image is run, but for its `rpm`, whose lists
 * nothing else reads.
 */
export async function inspectDisk(
  request: DiskRequest,
): Promise<Result<InspectedDisk, EditFailure>> {
  const { diskPath, diskFormat, signal } = request;
  const [read, info] = await Promise.all([
    readDisk({ ...request, script: collect, describe: true }, readSystemFiles),
    imageInfo(diskPath, diskFormat, signal),
  ]);
  if (!read.ok) return read;
  if (!info.ok) return info;
  const { report, value: files } = read.value;
  if (!files.ok) return failed({ reason: "guest-files", cause: files.error });
  const text = (name: string): string | undefined => files.value.get(name)?.toString("utf8");
  const [system] = report.systems;
  const osRelease = parseOsRelease(text("os-release") ?? "");
  const arch = elfArch(files.value.get("sh") ?? Buffer.alloc(0));
  const hostname = text("hostname")?.split("\n")[0]?.trim();
  const format = packageFormats.find((name) => text(name) !== undefined);
  return ok({
    report,
    inspection: {
      diskBytes: info.value.virtualSizeBytes,
      system: {
        place: system?.place ?? "",
        // What is on a volume of its own is seen late.
        name: system?.name || (osRelease["PRETTY_NAME"] ?? ""),
        osRelease,
        ...(arch === undefined ? {} : { arch }),
        ...(hostname === undefined || hostname === "" ? {} : { hostname }),
      },
      volumes: volumesOf(report),
      ...(format === undefined ? {} : { packageFormat: format }),
      packages: format === undefined ? [] : parsePackages(format, text(format) ?? ""),
      users: parsePasswd(text("passwd") ?? ""),
    },
  });
}

/** Looks at a disk's volumes only. */
export async function describeDisk(
  request: DiskRequest,
): Promise<Result<readonly VolumeDescription[], EditFailure>> {
  const read = await readDisk({ ...request, script: ":", describe: true }, async () => {});
  return read.ok ? ok(volumesOf(read.value.report)) : read;
}

function volumesOf({ records }: EditReport): readonly VolumeDescription[] {
  return records.filter(([kind]) => kind === "filesystem").map(([, ...rest]) => parseVolume(rest));
}

const packageFormats: readonly PackageFormat[] = ["dpkg", "rpm", "apk", "pacman"];

async function readSystemFiles(
  path: string,
): Promise<Result<ReadonlyMap<string, Buffer>, TreeFailure>> {
  const files = await readTarFiles(path);
  if (!files.ok) return files;
  return ok(new Map([...files.value].map(([name, file]) => [systemFiles[name] ?? name, file])));
}

/** What {@link collect} gathers: where it is, and what it is called from there on. */
const systemFiles: Readonly<Record<string, string>> = {
  "etc/os-release": "os-release",
  "usr/lib/os-release": "os-release",
  "etc/hostname": "hostname",
  "etc/passwd": "passwd",
  "var/lib/dpkg/status": "dpkg",
  "lib/apk/db/installed": "apk",
  "usr/lib/apk/db/installed": "apk",
  "dev/rpm": "rpm",
  "dev/pacman": "pacman",
  "bin/sh": "sh",
};

/** Gathers what tells of the system. A symlink comes as what it leads to, and nothing comes twice. */
const collect = `
cd /
if [ -d var/lib/pacman/local ]; then
  cat var/lib/pacman/local/*/desc >dev/pacman
elif [ -d var/lib/rpm ] || [ -d usr/lib/sysimage/rpm ]; then
  [ ! -x usr/bin/rpm ] || [ -f var/lib/dpkg/status ] ||
    /usr/bin/rpm -qa --qf '%{NAME}\\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\\t%{ARCH}\\n' 2>/dev/null |
    sed 's/\\t0:/\\t/' >dev/rpm
fi
release= apk=
set --
for file in ${Object.keys(systemFiles).join(" ")}; do
  [ -f "$file" ] || continue
  case $file in
  */os-release) [ -z "$release" ] || continue; release=yes ;;
  */apk/*) [ -z "$apk" ] || continue; apk=yes ;;
  esac
  set -- "$@" "$file"
done
# There is a root, but there may be nothing of these in it.
[ $# != 0 ] || set -- dev/null
tar -c -h -f /dev/data -- "$@" && sync
`;
