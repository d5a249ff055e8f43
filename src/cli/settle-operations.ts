import { randomInt } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import type {
  AskedOperation,
  KeySelector,
  PasswordChange,
  PasswordSelector,
  SettledOperation,
} from "../customize/operation.ts";
import { exitCode } from "./exit-code.ts";
import { readBytes } from "./read-bytes.ts";
import { passwordIn, readKeys } from "./read-wishes.ts";
import { UserError } from "./user-error.ts";

/** Operations of which everything is known, and what nobody but vmbuild has thought of. */
export interface Settled {
  readonly operations: readonly SettledOperation[];
  readonly randomPasswords: readonly { readonly user: string; readonly password: string }[];
}

/** Reads passwords and keys that operations name, and makes those that are to be random. @throws UserError */
export async function settleOperations(asked: readonly AskedOperation[]): Promise<Settled> {
  const operations: SettledOperation[] = [];
  const randomPasswords: { user: string; password: string }[] = [];
  for (const { label, operation } of asked) {
    if (operation.kind === "ssh-inject") {
      for (const key of await keysOf(operation.key, label)) {
        operations.push({ label, operation: { ...operation, key } });
      }
    } else if (operation.kind === "password") {
      const { change, random } = await changeOf(operation.password, label);
      operations.push({ label, operation: { ...operation, password: change } });
      if (random !== undefined) randomPasswords.push({ user: operation.user, password: random });
    } else {
      operations.push({ label, operation });
    }
  }
  return { operations, randomPasswords };
}

/** What can be told apart when it is read. */
const passwordLetters = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";

async function changeOf(
  selector: PasswordSelector,
  label: string,
): Promise<{ readonly change: PasswordChange; readonly random?: string }> {
  const wrong = (message: string): UserError =>
    new UserError(`${label}: ${message}`, { exitCode: exitCode.badInput });
  const hashed = async (password: string): Promise<PasswordChange> => {
    const { hashPassword } = await import("../cloudinit/password-hash.ts");
    return { kind: "hash", hash: hashPassword(password), locked: isLocked };
  };
  if (selector.kind === "locked") return { change: selector };
  const { locked: isLocked } = selector;
  switch (selector.kind) {
    case "disabled":
      return { change: selector };
    case "password":
      return { change: await hashed(passwordIn(selector.text, wrong)) };
    case "file": {
      const bytes = await readBytes(selector.host, "a file with a password", 1024 * 1024);
      // As virt-customize: what follows the first line is no part of it.
      const line = Buffer.from(bytes).subarray(0, firstLineLength(bytes));
      return { change: await hashed(passwordIn(line, wrong)) };
    }
    case "random": {
      const letters = Array.from(
        { length: 16 },
        () => passwordLetters[randomInt(passwordLetters.length)],
      );
      const random = letters.join("");
      return { change: await hashed(random), random };
    }
  }
}

function firstLineLength(bytes: Uint8Array): number {
  const end = bytes.indexOf(0x0a);
  return end < 0 ? bytes.length : end;
}

async function keysOf(selector: KeySelector, label: string): Promise<readonly string[]> {
  const flag = label.split(" ", 1)[0] ?? label;
  switch (selector.kind) {
    case "text":
      return readKeys(selector.text, flag);
    case "file":
      return readKeys(selector.host, flag);
    case "default":
      return readKeys(await ownKey(label), flag);
  }
}

/** As ssh-copy-id(1) chooses: of `~/.ssh/id*.pub` that was changed last, certificates left out. @throws UserError */
async function ownKey(label: string): Promise<string> {
  const dir = join(homedir(), ".ssh");
  const names = await readdir(dir).catch(() => []);
  const keys = await Promise.all(
    names
      .filter((name) => /^id.*\.pub$/.test(name) && !name.endsWith("-cert.pub"))
      .map(async (name) => ({ path: join(dir, name), at: (await stat(join(dir, name))).mtimeMs })),
  );
  const newest = keys.sort((a, b) => b.at - a.at)[0];
  if (newest !== undefined) return newest.path;
  throw new UserError(`${label}: there is no public key ${dir}/id*.pub`, {
    exitCode: exitCode.badInput,
    hint: "name one: USER:file:KEYFILE or USER:string:KEY",
  });
}
