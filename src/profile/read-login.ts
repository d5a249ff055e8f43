import { defaultBecome } from "./default-profile.ts";
import type { GuestOs, Identity, Login } from "./profile.ts";
import type { TomlTable } from "./toml-table.ts";

interface LoginDefaults {
  readonly os: GuestOs;
  /** What relative paths are taken from. */
  readonly folder: string;
  readonly fallback: Login;
}

/** Key type and key in base64, as in a `.pub` file and in `known_hosts`, and perhaps a comment. */
const HOST_KEY = /^([a-z][a-z0-9@.-]* [A-Za-z0-9+/]{16,}={0,3})(?: .*)?$/;

/** Reads the `[login]` table. */
export function readLogin(
  table: TomlTable | undefined,
  { os, folder, fallback }: LoginDefaults,
): Login {
  if (table === undefined) return fallback;
  const user = table.string("user") ?? fallback.user;
  const port = table.integer("port", { min: 1, max: 65_535 });
  const identity = readIdentity(table, folder);
  const hostKey = readHostKey(table);
  const become = table.oneOf("become", ["none", "sudo", "doas"]);
  if (os === "windows" && become !== undefined && become !== "none") {
    table.problem("become", "a Windows guest has no root to become", "leave it out");
  }
  table.reportUnknownKeys();
  return {
    user,
    port: port ?? fallback.port,
    identity: identity ?? fallback.identity,
    ...(hostKey !== undefined && { hostKey }),
    become: become ?? defaultBecome(os, user),
  };
}

function readIdentity(table: TomlTable, folder: string): Identity | undefined {
  const value = table.wordOrPath("identity", ["store", "user"], folder);
  if (value === undefined) return undefined;
  return "path" in value ? { kind: "file", path: value.path } : { kind: value.word };
}

function readHostKey(table: TomlTable): string | undefined {
  const text = table.string("host-key");
  if (text === undefined) return undefined;
  const key = HOST_KEY.exec(text)?.[1];
  if (key !== undefined) return key;
  const hint = "expected the text of a .pub file such as `ssh-ed25519 AAAA…`";
  return table.problem("host-key", "is no OpenSSH public key", hint);
}
