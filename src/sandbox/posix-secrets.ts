/**
 * Secrets in a Linux guest: in its RAM, and only while the command runs.
 */
import type { Session } from "../machine/session.ts";
import type { Profile } from "../profile/profile.ts";
import { failed, ok, type Result } from "../result.ts";
import type { SandboxFailure } from "./failure.ts";
import type { OfferedSecrets } from "./guest.ts";
import { rootScript, rootShell } from "./posix-command.ts";
import {
  type GuestSecret,
  offerSecretScript,
  withdrawSecretsScript,
} from "./posix-secret-scripts.ts";
import { runScript } from "./remote-script.ts";
import type { SecretAttachment } from "./sandbox.ts";

/** What the offering of secrets works with. */
export interface SecretContext {
  readonly session: Session;
  readonly profile: Profile;
  readonly secrets: readonly SecretAttachment[];
  /** `UID:GID` of the step's user. */
  readonly owner: string;
  readonly workdir: string;
  readonly signal: AbortSignal;
}

/** Offers the secrets as `Guest.offerSecrets` says. */
export async function offerSecrets(
  context: SecretContext,
): Promise<Result<OfferedSecrets, SandboxFailure>> {
  const { session, profile, secrets, owner, workdir, signal } = context;
  const offered: (GuestSecret & { readonly made: number })[] = [];
  for (const [index, { id, target, value }] of secrets.entries()) {
    const place = { index, target };
    const isLast = index === secrets.length - 1;
    const answer = await runScript(session, {
      command: rootScript(
        profile,
        offerSecretScript(place, { owner, bytes: value.length, workdir, isLast }),
      ),
      stdin: value,
      signal,
    });
    if (!answer.ok) return answer;
    const { code, stdout, stderr } = answer.value;
    const made = Number(stdout.trim() || Number.NaN);
    if (code !== 0 || !Number.isInteger(made)) {
      const message = stderr || `the script in the guest ended with ${code}`;
      return failed({ reason: "secret-failed", secret: id, target, message });
    }
    offered.push({ ...place, made });
  }
  return ok({
    async withdraw(stop) {
      const answer = await runScript(session, {
        command: rootShell(profile),
        stdin: withdrawSecretsScript(offered),
        signal: stop,
      });
      if (!answer.ok) return answer;
      if (answer.value.code === 0) return ok();
      const [first] = secrets;
      return failed({
        reason: "secret-failed",
        secret: first?.id ?? "",
        target: first?.target ?? "",
        message: answer.value.stderr || "it cannot be taken away again",
      });
    },
  });
}
