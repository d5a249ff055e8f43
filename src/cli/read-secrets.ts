import { type FileHandle, open, readFile, stat } from "node:fs/promises";
import { errorCode, errorText } from "../store/fs-failure.ts";
import { fileKind } from "../store/regular-file.ts";
import { exitCode } from "./exit-code.ts";
import { UserError } from "./user-error.ts";

/** The most bytes a secret may have. */
const maxSecretBytes = 2 ** 20;

type Source = { readonly id: string } & ({ readonly file: string } | { readonly variable: string });

/**
 * The values that `--secret` flags name, by the ids.
 *
 * Takes what it has read of the environment out of `env`, so that no program that is started later is given it.
 *
 * @throws UserError that names the flag
 */
export async function readSecrets(
  flags: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const secrets = new Map<string, Uint8Array>();
  const variables = new Set<string>();
  for (const flag of flags) {
    const source = sourceOf(flag);
    const { id } = source;
    if (secrets.has(id)) throw usage(flag, `there is another --secret for ${id}`);
    if ("file" in source) {
      secrets.set(id, await readSecretFile(source.file, flag));
    } else {
      secrets.set(id, await readVariable(source.variable, flag));
      variables.add(source.variable);
    }
  }
  for (const variable of variables) delete env[variable];
  return secrets;
}

/** `ID=env:VARIABLE`, or else OBuilder's `ID:FILE`. */
function sourceOf(flag: string): Source {
  const [, name, variable] = /^([^:]*)=env:([^]*)$/.exec(flag) ?? [];
  if (name !== undefined && variable !== undefined) {
    if (name !== "" && variable !== "") return { id: name, variable };
    throw usage(flag, "expected ID:FILE or ID=env:VARIABLE");
  }
  const colon = flag.indexOf(":");
  const [id, file] = [flag.slice(0, colon), flag.slice(colon + 1)];
  if (colon < 1 || file === "") throw usage(flag, "expected ID:FILE or ID=env:VARIABLE");
  return { id, file };
}

/** A value's bytes as they are: what Node has decoded of them may be something else. */
async function readVariable(variable: string, flag: string): Promise<Uint8Array> {
  const environment = await readFile("/proc/self/environ");
  const prefix = Buffer.from(`${variable}=`);
  for (let at = 0; at < environment.length;) {
    const end = environment.indexOf(0, at);
    const entry = environment.subarray(at, end === -1 ? undefined : end);
    if (entry.subarray(0, prefix.length).equals(prefix)) {
      return sized(Buffer.from(entry.subarray(prefix.length)), flag);
    }
    at += entry.length + 1;
  }
  throw usage(flag, `the environment has no variable ${variable}`);
}

/** A regular file or a pipe, which a shell's `<(…)` is. */
async function readSecretFile(path: string, flag: string): Promise<Uint8Array> {
  try {
    const stats = await stat(path);
    if (!stats.isFile() && !stats.isFIFO()) {
      throw wrong(flag, `${path} is ${fileKind(stats)}, not a file`);
    }
    await using file = await open(path, "r");
    return sized(await upToLimit(file), flag);
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined) throw error;
    if (code === "ENOENT") throw wrong(flag, `there is no file ${path}`);
    throw wrong(flag, `${path} cannot be read: ${errorText(error)}`);
  }
}

/** All of a file, or a byte more than a secret may have. */
async function upToLimit(file: FileHandle): Promise<Buffer> {
  const buffer = Buffer.alloc(maxSecretBytes + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, null);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return Buffer.from(buffer.subarray(0, length));
}

function sized(value: Buffer, flag: string): Buffer {
  if (value.length <= maxSecretBytes) return value;
  throw wrong(flag, "a secret may have 1 MiB at most");
}

function usage(flag: string, what: string): UserError {
  return new UserError(`--secret ${flag}: ${what}`, { exitCode: exitCode.usage });
}

function wrong(flag: string, what: string): UserError {
  return new UserError(`--secret ${flag}: ${what}`, { exitCode: exitCode.badInput });
}
