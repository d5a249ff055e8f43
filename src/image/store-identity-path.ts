import { join } from "node:path";
import type { StoreLayout } from "../store/layout.ts";

/** Where the private key of a store is, whether or not it has been made. */
export function storeIdentityPath(layout: StoreLayout): string {
  return join(layout.sshDir, "id_ed25519");
}
