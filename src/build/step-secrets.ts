/**
 * Which secrets a build needs, and which of them it was given.
 */
import { resolveGuestPath } from "../plan/guest-path.ts";
import type { Plan } from "../plan/plan.ts";
import type { RunStep, Step } from "../plan/step.ts";
import type { Profile } from "../profile/profile.ts";
import { failed, ok, type Result } from "../result.ts";
import type { SecretAttachment } from "../sandbox/sandbox.ts";
import type { BuildEnvironment } from "./environment.ts";
import type { BuildFailure, StepFailure } from "./failure.ts";
import { maskedPieces } from "./secret-mask.ts";

type Given = Pick<BuildEnvironment, "secrets">;

/** The failure that names every secret that a step to be built asks for and that was not given. */
export async function missingSecrets(
  plan: Plan,
  env: Given & Pick<BuildEnvironment, "store">,
): Promise<BuildFailure | undefined> {
  const missing = new Set<string>();
  let first: Step | undefined;
  for (const step of plan.steps) {
    const ids = secretIds(step).filter((id) => env.secrets?.has(id) !== true);
    if (ids.length === 0 || (await env.store.layer(step.id)) !== undefined) continue;
    first ??= step;
    for (const id of ids) missing.add(id);
  }
  if (first === undefined) return undefined;
  return { step: first, failure: { reason: "secrets-missing", ids: [...missing] } };
}

/** A line for each secret that no step of the plan asks for, and for each that cannot be masked. */
export function secretWarnings(plan: Plan, { secrets }: Given): readonly string[] {
  const wanted = new Set(plan.steps.flatMap(secretIds));
  return [...(secrets ?? [])].flatMap(([id, value]) => {
    if (!wanted.has(id)) return `the secret ${id} is given, but no step of the spec asks for it`;
    return maskedPieces(value).length === 0
      ? `the secret ${id} is too short to be masked in the output`
      : [];
  });
}

/** What a step's machine is given, from a build that has all it needs. */
export function secretsOf(
  step: RunStep,
  { os }: Profile,
  { secrets }: Given,
): Result<readonly SecretAttachment[], StepFailure> {
  const attachments: SecretAttachment[] = [];
  const missing: string[] = [];
  for (const { id, target } of step.secrets) {
    const value = secrets?.get(id);
    if (value === undefined) missing.push(id);
    else attachments.push({ id, target: resolveGuestPath(step.context.workdir, target), value });
  }
  if (missing.length > 0) return failed({ reason: "secrets-missing", ids: missing });
  if (attachments.length === 0 || os === "linux") return ok(attachments);
  return failed({
    reason: "not-supported",
    what: `a step with secrets in a ${os} guest`,
    hint: "only Linux guests can keep a secret in RAM; fetch what needs one outside and `copy` it in",
  });
}

function secretIds(step: Step): readonly string[] {
  return step.op === "run" ? step.secrets.map(({ id }) => id) : [];
}
