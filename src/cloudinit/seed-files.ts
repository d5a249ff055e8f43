import { createHash } from "node:crypto";
import type { SeedFile } from "./seed-image.ts";

/** What a NoCloud seed is made of, as bytes. */
export interface SeedContent {
  readonly userData: Uint8Array;
  /** Absent makes one with an instance-id that is another for any other content. */
  readonly metaData?: Uint8Array;
  readonly vendorData?: Uint8Array;
  readonly networkConfig?: Uint8Array;
}

/** The files of a seed by the names that cloud-init looks for (datasource NoCloud). */
export function seedFiles(content: SeedContent): readonly SeedFile[] {
  const { userData, metaData, vendorData, networkConfig } = content;
  const given: SeedFile[] = [{ name: "user-data", content: userData }];
  if (vendorData !== undefined) given.push({ name: "vendor-data", content: vendorData });
  if (networkConfig !== undefined) given.push({ name: "network-config", content: networkConfig });
  return [...given, { name: "meta-data", content: metaData ?? ownMetaData(given) }];
}

/** cloud-init runs what is to be run once per instance again where the instance-id is another. */
function ownMetaData(files: readonly SeedFile[]): Uint8Array {
  const hash = createHash("sha256");
  for (const { name, content } of files) hash.update(`${name} ${content.length}\n`).update(content);
  return Buffer.from(`instance-id: iid-${hash.digest("hex").slice(0, 16)}\n`);
}
