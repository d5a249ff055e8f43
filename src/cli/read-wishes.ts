import { isUtf8 } from "node:buffer";
import type { MachineWishes } from "../cloudinit/cloud-config.ts";
import { exitCode } from "./exit-code.ts";
import { readBytes } from "./read-bytes.ts";
import { UserError } from "./user-error.ts";
import type { WishFlags } from "./wish-flags.ts";

/**
 * Reads what the flags name. Takes a password out of `env` that it has read from there, so that no program that is
 * started later is given it.
 *
 * @throws UserError that names the flag
 */
export async function readWishes(flags: WishFlags, env: NodeJS.ProcessEnv): Promise<MachineWishes> {
  const { user, password, hostname, run = [] } = flags;
  const packages = (flags.package ?? []).flatMap((names) => packagesOf(names));
  if (user !== undefined && !/^[a-z_][a-z0-9_-]{0,31}\$?$/i.test(user)) {
    throw usage(`--user: ${JSON.stringify(user)} is no account's name`);
  }
  if (hostname !== undefined && !isHostname(hostname)) {
    throw usage(
      `--hostname: ${JSON.stringify(hostname)} is no name of a host`,
      "letters, digits and hyphens, in parts between dots",
    );
  }
  const sshKeys: string[] = [];
  for (const key of flags.sshKey ?? []) sshKeys.push(...(await readKeys(key)));
  return {
    ...(user === undefined ? {} : { user }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(password === undefined ? {} : { passwordHash: await readPassword(password, env) }),
    sshKeys,
    packages,
    run,
  };
}

function packagesOf(names: string): readonly string[] {
  const packages = names.split(",").map((name) => name.trim());
  const bad = packages.find((name) => name === "" || /[\s\0]/.test(name));
  if (bad === undefined) return packages;
  throw usage(
    `--package ${JSON.stringify(names)}: ${JSON.stringify(bad)} is no package's name`,
    "names stand with commas between",
  );
}

function isHostname(name: string): boolean {
  const part = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;
  return name.length <= 253 && name.split(".").every((text) => part.test(text));
}

/** As it begins in a file `authorized_keys`, without options. */
const publicKey =
  /^(?:ssh-[a-z0-9-]+|ecdsa-sha2-[a-z0-9-]+|sk-[a-z0-9-]+@openssh\.com) [A-Za-z0-9+/]+=*(?: .*)?$/;

/**
 * A key, or the keys in a file.
 *
 * @param name the flag in whose argument they are named
 * @throws UserError
 */
export async function readKeys(flag: string, name = "--ssh-key"): Promise<readonly string[]> {
  if (publicKey.test(flag)) return [flag];
  const wrong = (message: string, hint?: string): UserError =>
    new UserError(`${name} ${flag}: ${message}`, {
      exitCode: exitCode.badInput,
      ...(hint === undefined ? {} : { hint }),
    });
  const bytes = await readBytes(flag, "a file of public keys", maxFlagBytes);
  const text = Buffer.from(bytes).toString("utf8");
  if (text.includes("PRIVATE KEY-----")) {
    throw wrong("this is a private key", `the public one is usually ${flag}.pub`);
  }
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  if (lines.length === 0) throw wrong("there is no key in it");
  const bad = lines.find((line) => !publicKey.test(line));
  if (bad !== undefined) {
    throw wrong(
      `${JSON.stringify(bad.slice(0, 40))} is not a public key`,
      "a key is a line such as `ssh-ed25519 AAAA… comment`",
    );
  }
  return lines;
}

const maxFlagBytes = 1024 * 1024;

/** What crypt(3) takes. */
const maxPasswordBytes = 511;

/**
 * The password that bytes or a text hold.
 *
 * @throws what `wrong` makes of a clause
 */
export function passwordIn(
  given: string | Uint8Array,
  wrong: (message: string) => UserError,
): string {
  // The newline that editors and `echo` end a file with is no part of it.
  const bytes = Buffer.from(given);
  if (!isUtf8(bytes)) throw wrong("it is not UTF-8");
  const password = bytes.toString("utf8").replace(/\r?\n$/, "");
  if (password === "") throw wrong("it is empty");
  if (/[\0\r\n]/.test(password)) throw wrong("it has more than one line");
  if (Buffer.byteLength(password) > maxPasswordBytes) {
    throw wrong(`it is longer than ${maxPasswordBytes} bytes, which is what crypt(3) takes`);
  }
  return password;
}

/** The hash of what the flag names, or what it names when that is one already. */
async function readPassword(flag: string, env: NodeJS.ProcessEnv): Promise<string> {
  const wrong = (message: string, hint?: string): UserError =>
    new UserError(`--password: ${message}`, {
      exitCode: exitCode.badInput,
      ...(hint === undefined ? {} : { hint }),
    });
  const variable = /^env:(.*)$/s.exec(flag)?.[1];
  const given =
    variable === undefined
      ? Buffer.from(await readBytes(flag, "a password", maxFlagBytes))
      : env[variable];
  if (given === undefined) throw wrong(`the environment has no variable ${variable}`);
  if (variable !== undefined) delete env[variable];
  const password = passwordIn(given, wrong);
  const { hashPassword, isPasswordHash } = await import("../cloudinit/password-hash.ts");
  return isPasswordHash(password) ? password : hashPassword(password);
}

function usage(message: string, hint?: string): UserError {
  return new UserError(message, {
    exitCode: exitCode.usage,
    ...(hint === undefined ? {} : { hint }),
  });
}
