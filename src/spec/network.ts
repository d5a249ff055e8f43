import type { SourceRange } from "./source.ts";
import type { Spec } from "./spec.ts";

/** The names that open the network to a `run`. OBuilder's Unix specs say `host`, its Windows specs `nat`. */
const networkNames: ReadonlySet<string> = new Set(["host", "nat"]);

/** Whether a name in `(network …)` means anything. */
export function isNetwork(name: string): boolean {
  return networkNames.has(name);
}

/** A name in `(network …)` that means nothing, with its place. */
export interface UnknownNetwork {
  readonly name: string;
  readonly range: SourceRange;
}

/** Those of a spec and its nested builds, the first of each `run`. */
export function unknownNetworks({ childBuilds, ops }: Spec): readonly UnknownNetwork[] {
  return [
    ...childBuilds.flatMap(({ spec }) => unknownNetworks(spec)),
    ...ops.flatMap((op) => (op.op === "run" ? (op.unknownNetwork ?? []) : [])),
  ];
}
