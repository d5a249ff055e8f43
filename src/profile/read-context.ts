import { defaultUser } from "./default-profile.ts";
import type { GuestOs, Login, ProfileUser } from "./profile.ts";
import type { TomlTable } from "./toml-table.ts";

/** The largest id: 2^32 - 1 means "no change" to the kernel. */
const USER_IDS = { min: 0, max: 2 ** 32 - 2 };

/** Reads the `[env]` table. */
export function readEnv(table: TomlTable): Readonly<Record<string, string>> {
  const variables = table.table("env");
  if (variables === undefined) return {};
  const env: [string, string][] = [];
  for (const name of variables.keys()) {
    if (name === "" || /[=\0]/.test(name)) variables.problem(name, "is no name of a variable");
    const value = variables.text(name);
    if (value !== undefined) env.push([name, value]);
  }
  return Object.fromEntries(env);
}

/** Reads `user`: `"login"`, `{ uid = …, gid = … }` or `{ name = … }`. */
export function readUser(table: TomlTable, os: GuestOs, login: Login): ProfileUser {
  const canBeRoot = login.user === "root" || login.become !== "none";
  const user = readUserValue(table);
  if (user === undefined) return defaultUser(os, canBeRoot);
  const sameName =
    os === "windows"
      ? (name: string) => name.toLowerCase() === login.user.toLowerCase()
      : (name: string) => name === login.user;
  const sameUser = user.kind === "login" || (user.kind === "name" && sameName(user.name));
  if (os === "windows" && !sameUser) {
    const hint = "leave it out, or set login.user to who is to run them";
    table.problem("user", `steps in a Windows guest run as ${login.user}, who logs in`, hint);
  }
  if (os !== "windows" && !canBeRoot && !sameUser) {
    const hint = 'set login.become to "sudo" or "doas", or user to "login"';
    table.problem("user", `${login.user} cannot run steps as somebody else`, hint);
  }
  return user;
}

function readUserValue(table: TomlTable): ProfileUser | undefined {
  if (!table.has("user")) return undefined;
  if (!table.isTable("user")) {
    return table.oneOf("user", ["login"]) && { kind: "login" };
  }
  const fields = table.table("user");
  if (fields === undefined) return undefined;
  const name = fields.string("name");
  const uid = fields.integer("uid", USER_IDS);
  const gid = fields.integer("gid", USER_IDS);
  fields.reportUnknownKeys();
  if (name !== undefined && !fields.has("uid") && !fields.has("gid")) return { kind: "name", name };
  if (uid !== undefined && gid !== undefined && !fields.has("name"))
    return { kind: "unix", uid, gid };
  const expected = 'expected "login", { uid = 0, gid = 0 } or { name = "NAME" }';
  return table.problem("user", "names nobody", expected);
}
