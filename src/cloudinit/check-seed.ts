/** What is wrong with the files of a seed, before a guest finds out. */
import type { Schema } from "@cfworker/json-schema";
import type { Diagnostic } from "../spec/diagnostic.ts";
import { Problems } from "../spec/problems.ts";
import type { SourceText } from "../spec/source.ts";
import { checkSchema } from "./check-schema.ts";
import { commonBeginnings, userDataKind } from "./user-data-kind.ts";
import { readYaml } from "../yaml/yaml-source.ts";

/** cloud-init's published schemas. */
export interface CloudInitSchemas {
  readonly cloudConfig: Schema;
  readonly networkConfigV1: Schema;
  readonly networkConfigV2: Schema;
}

/**
 * Checks a user-data or a vendor-data. A cloud-config is looked into; of a script, a template or what has parts only
 * the beginning is.
 */
export function checkUserData(
  source: SourceText,
  schemas: CloudInitSchemas,
): readonly Diagnostic[] {
  const problems = new Problems(source);
  const kind = userDataKind(source.text);
  if (kind === "unknown") {
    problems.error(
      { start: 0, end: firstLine(source.text).length },
      "cloud-init would ignore it: its first line says nothing of what it is",
      /^#\s+cloud-config/i.test(source.text)
        ? "the first line has to be #cloud-config, without a blank"
        : `the first line is ${commonBeginnings.join(" or ")}, for example`,
    );
  }
  if (kind !== "cloud-config" && kind !== "cloud-config-archive") return problems.inOrder();
  const yaml = readYaml(problems);
  if (yaml === undefined || yaml.value === null) return problems.inOrder();
  if (kind === "cloud-config-archive") {
    if (!Array.isArray(yaml.value))
      problems.error(yaml.rangeOf([]), "an archive is a list of parts");
  } else if (isMap(yaml.value)) {
    checkSchema(yaml, schemas.cloudConfig, problems);
  } else {
    problems.error(yaml.rangeOf([]), "a cloud-config is a map of keys");
  }
  return problems.inOrder();
}

/** Checks a meta-data: a map, of whose keys each datasource has its own. */
export function checkMetaData(source: SourceText): readonly Diagnostic[] {
  const problems = new Problems(source);
  const yaml = readYaml(problems);
  if (yaml !== undefined && yaml.value !== null && !isMap(yaml.value)) {
    problems.error(yaml.rangeOf([]), "meta-data is a map, such as `instance-id: one`");
  }
  return problems.inOrder();
}

/** Checks a network-config of either version. */
export function checkNetworkConfig(
  source: SourceText,
  schemas: CloudInitSchemas,
): readonly Diagnostic[] {
  const problems = new Problems(source);
  const yaml = readYaml(problems);
  if (yaml === undefined) return problems.inOrder();
  if (!isMap(yaml.value)) {
    problems.error(yaml.rangeOf([]), "a network-config is a map with the key version");
    return problems.inOrder();
  }
  const isWrapped = isMap(yaml.value["network"]);
  const config = isWrapped ? (yaml.value["network"] as Record<string, unknown>) : yaml.value;
  // cloud-init's own way to leave the network alone.
  if (config["config"] === "disabled") return problems.inOrder();
  const { version } = config;
  const top = isWrapped ? ["network"] : [];
  if (version === 1 || version === 2) {
    const schema = version === 1 ? schemas.networkConfigV1 : schemas.networkConfigV2;
    checkSchema(yaml, definition(schema, `network_config_version${version}`), problems, top);
  } else {
    const range = yaml.rangeOf([...top, "version"]);
    problems.error(range, "the version of a network-config is 1 or 2");
  }
  return problems.inOrder();
}

/** One of a schema's definitions as a schema: that of what is inside the key network, which may be left out. */
function definition({ $schema, $defs }: Schema, name: string): Schema {
  return {
    ...($schema === undefined ? {} : { $schema }),
    $defs,
    allOf: [{ $ref: `#/$defs/${name}` }],
  };
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}
