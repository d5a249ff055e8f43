import { isMap } from "yaml";
import { parseYaml, yamlText } from "../yaml/yaml-source.ts";

/**
 * A meta-data with another instance-id, for which cloud-init does everything once more. What else it says stays; one that
 * is not a map is left as it is.
 */
export function withInstanceId(metaData: Uint8Array | undefined, id: string): Uint8Array {
  const document = parseYaml(Buffer.from(metaData ?? "").toString("utf8"));
  if (document.errors.length > 0) return metaData ?? new Uint8Array();
  if (document.contents === null) return Buffer.from(`instance-id: ${id}\n`);
  if (!isMap(document.contents)) return metaData ?? new Uint8Array();
  document.set("instance-id", id);
  return Buffer.from(yamlText(document));
}
