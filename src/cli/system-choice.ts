/** The flags that say which system of a disk is meant, and what opens its encrypted volumes. */
import { type Command, Option } from "commander";
import type { SystemChoice, VolumeKey } from "../appliance/volume-script.ts";
import { exitCode } from "./exit-code.ts";
import { readBytes } from "./read-bytes.ts";
import { UserError } from "./user-error.ts";

export interface SystemFlags {
  readonly root?: string;
  readonly key?: readonly string[];
}

/** Adds `--root` and `--key`. */
export function addSystemFlags(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--root <volume>",
        "of several systems, the one whose root this is: a partition's number, VG/LV or /dev/…",
      ),
    )
    .addOption(
      new Option(
        "--key <volume:file:path>",
        "a file with the passphrase or key of an encrypted volume: its UUID, /dev/sdaN, or all; may be repeated",
      ).argParser((text: string, before: readonly string[] | undefined) => [
        ...(before ?? []),
        text,
      ]),
    );
}

/** What the flags say. @throws UserError */
export async function readSystemChoice({
  root,
  key = [],
}: SystemFlags): Promise<SystemChoice | undefined> {
  if (root !== undefined && !/^[\w./+:=@-]+$/.test(root)) {
    throw new UserError(`--root ${root}: this names no volume`, {
      exitCode: exitCode.usage,
      hint: "a partition's number (2), a logical volume (vg/root), or as an fstab has it (/dev/sda2, UUID=…)",
    });
  }
  const keys: VolumeKey[] = [];
  for (const text of key) keys.push(...(await readKeys(text)));
  return root === undefined && keys.length === 0 ? undefined : { root, keys };
}

/** cryptsetup takes larger key files, which nobody has, and passphrases of 512 bytes. */
const mostKeyBytes = 64 * 1024;

async function readKeys(text: string): Promise<readonly VolumeKey[]> {
  const [, volume, kind, value] = /^([^:]+):(file|key):(.+)$/s.exec(text) ?? [];
  if (volume === undefined || value === undefined) {
    // What follows may be a key.
    const [name, ...rest] = text.split(":");
    throw new UserError(
      `--key ${name}${rest.length === 0 ? "" : ":…"}: this is not VOLUME:file:PATH`,
      {
        exitCode: exitCode.usage,
        hint: "as --key all:file:passphrase.txt, or --key /dev/sda3:file:disk.key",
      },
    );
  }
  if (kind === "key") return [{ volume, key: Buffer.from(value) }];
  const key = Buffer.from(await readBytes(value, "a key", mostKeyBytes));
  if (key.length === 0 || key.length > mostKeyBytes) {
    throw new UserError(
      `${value} is no key: it ${key.length === 0 ? "is empty" : "has more than 64 KiB"}`,
      {
        exitCode: exitCode.badInput,
      },
    );
  }
  // An editor ends a line where a passphrase has no end.
  const line = key.at(-1) === 0x0a ? [{ volume, key: key.subarray(0, -1) }] : [];
  return [...line, { volume, key }];
}
