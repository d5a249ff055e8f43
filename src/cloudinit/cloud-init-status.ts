/** How cloud-init has ended in a guest, as its `status` command has it in any version. */
export type CloudInitStatus =
  | { readonly kind: "done" }
  /** It has done all it could, and something in it went wrong that it has gone on from. */
  | { readonly kind: "degraded"; readonly warnings: readonly string[] }
  | { readonly kind: "error"; readonly errors: readonly string[] }
  /** It has not ended. */
  | { readonly kind: "unfinished"; readonly status: string };

/** What of the command's JSON is read; the rest of it is the same in other words. */
interface StatusJson {
  /** The stages, in the file. */
  readonly v1?: unknown;
  readonly status?: unknown;
  /** Since 23.4: `degraded done` where `status` is `done`. */
  readonly extended_status?: unknown;
  readonly errors?: unknown;
  /** Since 23.4: lists of messages by their level. */
  readonly recoverable_errors?: unknown;
}

/** What a stage leaves in `status.json`. */
interface Stage {
  readonly errors?: unknown;
  /** Since 23.4: lists of messages by their level. */
  readonly recoverable_errors?: unknown;
}

/**
 * Reads cloud-init's `status.json` of when it is done; or the output of `cloud-init status --format json`, or of `--long`
 * where that is all there is (before 22.2).
 *
 * `logged` are the warnings in cloud-init's log, which is where versions before 23.4 leave them.
 */
export function cloudInitStatus(text: string, logged: readonly string[]): CloudInitStatus {
  const json = parse(text);
  if (isRecord(json?.v1)) return statusOfStages(Object.values(json.v1).filter(isRecord), logged);
  const status = word(json?.status) ?? /^status: (.+)$/m.exec(text)?.[1]?.trim() ?? "unknown";
  if (status === "error") {
    const errors = texts(json?.errors);
    const detail = /^detail:\s*([^]*)$/m.exec(text)?.[1]?.trim();
    return { kind: "error", errors: errors.length > 0 || !detail ? errors : [detail] };
  }
  if (status !== "done") return { kind: "unfinished", status };
  const extended = word(json?.extended_status);
  if (extended === undefined) {
    return logged.length === 0 ? { kind: "done" } : { kind: "degraded", warnings: logged };
  }
  const warnings = recoverable(json?.recoverable_errors);
  const isDegraded = extended.startsWith("degraded") || warnings.length > 0;
  return isDegraded ? { kind: "degraded", warnings } : { kind: "done" };
}

/** As the command does it: errors of any stage are cloud-init's. */
function statusOfStages(stages: readonly Stage[], logged: readonly string[]): CloudInitStatus {
  const errors = stages.flatMap((stage) => texts(stage.errors));
  if (errors.length > 0) return { kind: "error", errors };
  const isTold = stages.some((stage) => stage.recoverable_errors !== undefined);
  const warnings = isTold
    ? stages.flatMap((stage) => recoverable(stage.recoverable_errors))
    : logged;
  return warnings.length === 0 ? { kind: "done" } : { kind: "degraded", warnings };
}

function parse(text: string): StatusJson | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function word(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function recoverable(value: unknown): readonly string[] {
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([level, messages]) =>
    texts(messages).map((message) => `${level}: ${message}`),
  );
}
