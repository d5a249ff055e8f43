import type { Inspection, VolumeDescription } from "../../inspect/inspection.ts";
import { formatByteSize } from "../../profile/byte-size.ts";
import { printable } from "../../spec/unprintable.ts";
import { columns } from "../output.ts";

/** Volumes as a table with a heading. */
export function volumesTable(volumes: readonly VolumeDescription[]): string {
  return columns([
    ["VOLUME", "TYPE", "SIZE", "USED", "AVAILABLE", "MOUNTED ON", "LABEL", "UUID"],
    ...volumes.map(({ place, type, sizeBytes, mounted, label = "", uuid = "" }) => [
      place,
      type,
      formatByteSize(sizeBytes),
      mounted === undefined ? "" : formatByteSize(mounted.usedBytes),
      mounted === undefined ? "" : formatByteSize(mounted.availableBytes),
      mounted?.on ?? "",
      printable(label),
      printable(uuid),
    ]),
  ]);
}

/** What a person wants to know first; the packages are only counted. */
export function inspectionText({
  system,
  diskBytes,
  packageFormat,
  packages,
  users,
  volumes,
}: Inspection): string {
  const people = users.filter(({ uid }) => uid === 0 || (uid >= 1000 && uid < 65534));
  const facts: readonly (readonly [string, string | undefined])[] = [
    ["system", `${system.name || "without a name"}, on ${system.place}`],
    ["architecture", system.arch],
    ["hostname", system.hostname],
    ["packages", packageFormat && `${packages.length} (${packageFormat})`],
    ["disk", formatByteSize(diskBytes)],
    ["users", people.map(({ name }) => name).join(", ") || undefined],
  ];
  const told = facts.flatMap(([key, value]) =>
    value === undefined ? [] : [[key, printable(value)]],
  );
  return `${columns(told)}\n${volumesTable(volumes)}`;
}
