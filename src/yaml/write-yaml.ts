import { stringify } from "yaml";

/** A value as YAML that programs in Python and Java read as the same one. Keys are in their own order. */
export function writeYaml(value: unknown): string {
  return stringify(value, { version: "1.1", lineWidth: 0, aliasDuplicateObjects: false });
}
