import type { Login } from "../profile/profile.ts";
import { quoteArgv } from "../machine/posix-quote.ts";

/** What a person types to log into a machine that was left running. */
export function sshCommandLine(login: Login, port: number, storeIdentityPath: string): string {
  const identity =
    login.identity.kind === "store"
      ? ["-i", storeIdentityPath, "-o", "IdentitiesOnly=yes"]
      : login.identity.kind === "file"
        ? ["-i", login.identity.path]
        : [];
  return quoteArgv([
    "ssh",
    ...identity,
    "-o",
    "StrictHostKeyChecking=no",
    "-o",
    "UserKnownHostsFile=/dev/null",
    "-o",
    "LogLevel=ERROR",
    "-p",
    String(port),
    `${login.user}@127.0.0.1`,
  ]);
}
