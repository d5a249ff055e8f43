import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Schema } from "@cfworker/json-schema";
import type { CloudInitSchemas } from "./check-seed.ts";

/** Where cloud-init's schemas are, in a checkout and in the installed package alike. */
const schemaDir = new URL("../../cloud-init/", import.meta.url);

/** The schemas that come with vmbuild. @throws what the file system throws */
export async function readSchemas(): Promise<CloudInitSchemas> {
  const read = async (name: string) =>
    JSON.parse(
      await readFile(fileURLToPath(new URL(`schema-${name}.json`, schemaDir)), "utf8"),
    ) as Schema;
  const [cloudConfig, networkConfigV1, networkConfigV2] = await Promise.all([
    read("cloud-config-v1"),
    read("network-config-v1"),
    read("network-config-v2"),
  ]);
  return { cloudConfig, networkConfigV1, networkConfigV2 };
}
