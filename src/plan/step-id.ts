import { createHash } from "node:crypto";
import { canonicalJson } from "./canonical-json.ts";
import type { CopyInput, CopyStep, FromStep, RunStep, StepId, StepUser } from "./step.ts";
import {
  RECORD_VERSION,
  type BuildSourceRecord,
  type ContextSourceRecord,
  type CopyRecord,
  type FromRecord,
  type RunRecord,
  type StepRecord,
  type UserRecord,
} from "./step-record.ts";

/**
 * SHA-256 of the record's canonical JSON. Equal records give equal ids, and different ones different
 * ids, as no two records have one canonical text.
 */
export function stepId(record: StepRecord): StepId {
  return createHash("sha256").update(canonicalJson(record)).digest("hex") as StepId;
}

/** The id of a `from`: a tagged layer's own id, or one made of the image and what its guest sees. */
export function fromStepId({ base, diskSizeBytes }: Omit<FromStep, "id">): StepId {
  if (base.kind === "layer") return base.id;
  const record: FromRecord = {
    version: RECORD_VERSION,
    op: "from",
    base: base.digest,
    guest: base.guest,
    diskSizeBytes: diskSizeBytes ?? null,
  };
  return stepId(record);
}

/** The id of a `run`. */
export function runStepId(step: Omit<RunStep, "id">): StepId {
  const { parent, context, command, network, secrets } = step;
  const record: RunRecord = {
    version: RECORD_VERSION,
    op: "run",
    parent,
    command,
    shell: context.shell,
    workdir: context.workdir,
    user: userRecord(context.user),
    env: context.env.toSorted(byMembers),
    network,
    secrets: secrets.map(({ id, target }) => [id, target] as const).sort(byMembers),
  };
  return stepId(record);
}

/** The id of a `copy`, from the context or from another build. */
export function copyStepId({ parent, user, source, items }: Omit<CopyStep, "id">): StepId {
  const record: CopyRecord = {
    version: RECORD_VERSION,
    op: "copy",
    parent,
    user: userRecord(user),
    source: source.kind === "build" ? buildSource(source) : contextSource(items),
  };
  return stepId(record);
}

function contextSource(items: CopyStep["items"]): ContextSourceRecord {
  return {
    kind: "context",
    items: items.map(({ manifest, destination }) => ({ manifest: manifest.digest, destination })),
  };
}

function buildSource(source: Extract<CopyInput, { kind: "build" }>): BuildSourceRecord {
  return {
    kind: "build",
    id: source.id,
    paths: source.paths.map(({ path, destination }) => ({ path, destination })),
    exclude: source.exclude.toSorted(),
  };
}

/** Only the fields that decide: a user object may carry others. */
function userRecord(user: StepUser): UserRecord {
  switch (user.kind) {
    case "login":
      return { kind: "login" };
    case "unix":
      return { kind: "unix", uid: user.uid, gid: user.gid };
    case "name":
      return { kind: "name", name: user.name };
  }
}

function byMembers(a: readonly [string, string], b: readonly [string, string]): number {
  return compare(a[0], b[0]) || compare(a[1], b[1]);
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
