import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import type { Identity } from "../profile/profile.ts";
import { failed, ok, type Result } from "../result.ts";
import type { MachineFailureOf } from "./failure.ts";

/** One way to prove who we are to the guest's SSH server (RFC 4252, section 7). */
export type AuthMethod =
  | { readonly kind: "agent"; readonly socketPath: string }
  | { readonly kind: "key"; readonly path: string; readonly privateKey: string };

/** What a private key file is good for. */
export type KeyCheck =
  | { readonly kind: "usable" }
  | { readonly kind: "encrypted" }
  | { readonly kind: "malformed"; readonly message: string };

/** Where keys are looked for. */
export interface IdentitySources {
  readonly identity: Identity;
  readonly storeIdentityPath: string;
  readonly checkKey: (privateKey: string) => KeyCheck;
  /** Of which `SSH_AUTH_SOCK` is read. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly home?: string;
}

type Unusable = MachineFailureOf<"identity-unusable">;

/** The files that ssh(1) tries by itself, best first. */
const defaultNames = ["id_ed25519", "id_ecdsa", "id_rsa"];

/**
 * The methods to try, in order; at least one.
 *
 * The store's key and a named file stand alone, except that an encrypted file is left to the agent,
 * which may hold it decrypted. The user's own identity is the agent and every usable default file.
 */
export async function authMethods(
  sources: IdentitySources,
): Promise<Result<readonly AuthMethod[], Unusable>> {
  const { identity, storeIdentityPath, checkKey, env = process.env, home = homedir() } = sources;
  const socketPath = env["SSH_AUTH_SOCK"];
  const agent: AuthMethod[] = socketPath ? [{ kind: "agent", socketPath }] : [];
  if (identity.kind !== "user") {
    const keyPath = identity.kind === "store" ? storeIdentityPath : identity.path;
    const key = await readKey(keyPath, checkKey);
    if (key.ok) return ok([key.value]);
    return key.error.encrypted && identity.kind === "file" && agent.length > 0
      ? ok(agent)
      : failed(unusable(keyPath, key.error));
  }
  const dir = path.join(home, ".ssh");
  const keys = await Promise.all(
    defaultNames.map((name) => readKey(path.join(dir, name), checkKey)),
  );
  const methods = [...agent, ...keys.flatMap((key) => (key.ok ? [key.value] : []))];
  if (methods.length > 0) return ok(methods);
  const locked = keys.findIndex((key) => !key.ok && key.error.encrypted);
  const lockedKey = keys[locked];
  return failed(
    lockedKey && !lockedKey.ok
      ? unusable(path.join(dir, defaultNames[locked] ?? ""), lockedKey.error)
      : unusable(dir, { encrypted: false, message: "no SSH agent and no usable id_* key file" }),
  );
}

interface KeyProblem {
  readonly encrypted: boolean;
  readonly message: string;
}

async function readKey(
  keyPath: string,
  checkKey: IdentitySources["checkKey"],
): Promise<Result<AuthMethod, KeyProblem>> {
  let privateKey: string;
  try {
    privateKey = await readFile(keyPath, "utf8");
  } catch (error) {
    return failed({ encrypted: false, message: (error as Error).message });
  }
  const check = checkKey(privateKey);
  switch (check.kind) {
    case "usable":
      return ok({ kind: "key", path: keyPath, privateKey });
    case "encrypted":
      return failed({
        encrypted: true,
        message: `the key is encrypted; add it to an SSH agent first: ssh-add ${keyPath}`,
      });
    case "malformed":
      return failed({ encrypted: false, message: check.message });
  }
}

function unusable(keyPath: string, { message }: KeyProblem): Unusable {
  return { reason: "identity-unusable", path: keyPath, message };
}
