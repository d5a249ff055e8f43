import { link, readFile, rm, writeFile } from "node:fs/promises";
import type { Result } from "../result.ts";
import { generateKeyPair, publicKeyOf } from "../machine/key-pair.ts";
import type { StoreFailure } from "../store/failure.ts";
import { attempt, errorCode } from "../store/fs-failure.ts";
import { readIfPresent } from "../store/json.ts";
import type { StoreLayout } from "../store/layout.ts";
import { newOwner } from "../store/owner.ts";
import { storeIdentityPath } from "./store-identity-path.ts";

export interface StoreKeyPair {
  readonly privateKeyPath: string;
  /** One line as in `authorized_keys`. */
  readonly publicKey: string;
}

/**
 * The key pair by which vmbuild logs into the base images it makes for this store. Made when it is
 * first asked for, never replaced, never part of anything that is shipped.
 */
export async function storeKeyPair(
  layout: StoreLayout,
): Promise<Result<StoreKeyPair, StoreFailure>> {
  const privateKeyPath = storeIdentityPath(layout);
  return attempt(privateKeyPath, async () => {
    if ((await readIfPresent(privateKeyPath)) === undefined) await make(layout, privateKeyPath);
    return { privateKeyPath, publicKey: publicKeyOf(await readFile(privateKeyPath, "utf8")) };
  });
}

/** Two processes may do this at once: `link` lets the first one's key stand. */
async function make(layout: StoreLayout, path: string): Promise<void> {
  const staged = layout.stateStage(await newOwner());
  try {
    await writeFile(staged, generateKeyPair("vmbuild").privateKey, { mode: 0o600, flag: "wx" });
    await link(staged, path);
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
  } finally {
    await rm(staged, { force: true });
  }
}
