/** The files of a seed as a command's flags name them: read, made more of, and checked. */
import {
  checkMetaData,
  checkNetworkConfig,
  checkUserData,
  type CloudInitSchemas,
} from "../cloudinit/check-seed.ts";
import { cloudConfigOf, type MachineWishes } from "../cloudinit/cloud-config.ts";
import { mergeUserData } from "../cloudinit/merge-user-data.ts";
import { readSchemas } from "../cloudinit/read-schemas.ts";
import type { SeedContent } from "../cloudinit/seed-files.ts";
import { isGzip } from "../cloudinit/user-data-kind.ts";
import { decodeText } from "../spec/decode-text.ts";
import type { Diagnostic } from "../spec/diagnostic.ts";
import { Problems } from "../spec/problems.ts";
import type { SourceText } from "../spec/source.ts";
import { maxTextLength } from "../spec/text-limit.ts";
import { exitCode } from "./exit-code.ts";
import { hostSchemaWarnings } from "./host-cloud-init.ts";
import { readBytes } from "./read-bytes.ts";
import { printWarning } from "./render/print-error.ts";
import { UserError } from "./user-error.ts";

/** Where the files of a seed are; `-` is standard input. */
export interface SeedFlags {
  readonly userData?: string;
  readonly metaData?: string;
  readonly vendorData?: string;
  readonly networkConfig?: string;
  /** False for `--no-check`. */
  readonly check: boolean;
}

/** The content of a seed of which there may be nothing. */
export type PartialSeed = Partial<SeedContent>;

/** A user-data that was read already, and what messages call it. */
export interface GivenUserData {
  readonly name: string;
  readonly bytes: Uint8Array;
}

type Check = (source: SourceText, schemas: CloudInitSchemas) => readonly Diagnostic[];

const inputs: readonly (readonly [part: keyof SeedContent, what: string, check: Check])[] = [
  ["userData", "a user-data", checkUserData],
  ["metaData", "a meta-data", checkMetaData],
  ["vendorData", "a vendor-data", checkUserData],
  ["networkConfig", "a network-config", checkNetworkConfig],
];

/** Several flags may name standard input, but it can be read once. @throws UserError */
export function checkStandardInput(
  flags: Partial<Record<keyof SeedContent | "password", string>>,
): void {
  const { userData, metaData, vendorData, networkConfig, password } = flags;
  const given = [userData, metaData, vendorData, networkConfig, password];
  if (given.filter((path) => path === "-").length < 2) return;
  throw new UserError("only one file can be standard input", { exitCode: exitCode.usage });
}

/**
 * Reads the files, and merges the wishes into the user-data, which is `given` or else read as the others are.
 *
 * @param outcome what messages say that comes of wrong files, for example `no seed is made`
 * @throws UserError after printing what is wrong with any of them
 */
export async function readSeed(
  flags: SeedFlags,
  wishes: MachineWishes,
  outcome: string,
  given?: GivenUserData,
): Promise<PartialSeed> {
  const schemas = flags.check ? await readSchemas() : undefined;
  const content: { -readonly [Part in keyof SeedContent]?: Uint8Array } = {};
  const wrong: Diagnostic[] = [];
  for (const [part, what, check] of inputs) {
    const path = flags[part];
    const read =
      part === "userData" && given !== undefined
        ? given
        : path !== undefined
          ? { name: nameOf(path), bytes: await readPart(path, what) }
          : undefined;
    if (read === undefined) continue;
    content[part] = read.bytes;
    if (schemas !== undefined) wrong.push(...problemsOf(read.bytes, read.name, check, schemas));
  }
  await refuse(wrong, outcome);
  const config = cloudConfigOf(wishes);
  if (config !== undefined) {
    const name = given?.name ?? nameOf(flags.userData ?? "user-data");
    const merged = mergeUserData(content.userData, config);
    if (!merged.ok) {
      const { key, expected } = merged.error;
      throw new UserError(
        `${name}: ${key} is not ${expected}, so nothing can be added to it by a flag`,
        { exitCode: exitCode.badInput },
      );
    }
    content.userData = merged.value;
    if (schemas !== undefined) {
      await refuse(
        problemsOf(merged.value, `${name}, with flags`, checkUserData, schemas),
        outcome,
      );
    }
  }
  if (flags.check && content.userData !== undefined) {
    for (const warning of await hostSchemaWarnings(content.userData)) {
      printWarning(`cloud-init schema: ${warning}`);
    }
  }
  return content;
}

function problemsOf(
  bytes: Uint8Array,
  name: string,
  check: Check,
  schemas: CloudInitSchemas,
): readonly Diagnostic[] {
  if (isGzip(bytes)) return [];
  const decoded = decodeText(bytes, name);
  if (!decoded.ok) return decoded.error;
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  if (!hasMark || check !== checkUserData) return check(decoded.value, schemas);
  const problems = new Problems(decoded.value);
  problems.error(
    { start: 0, end: 1 },
    "a byte order mark comes before this, and cloud-init would not know what it is",
    "save the file as UTF-8 without a BOM",
  );
  return problems.inOrder();
}

/** A file of a seed, which is small. @throws UserError */
export async function readPart(path: string, what: string): Promise<Uint8Array> {
  const bytes = await readBytes(path, what, maxTextLength);
  if (bytes.length <= maxTextLength) return bytes;
  throw new UserError(`${nameOf(path)} is larger than 4 MiB`, { exitCode: exitCode.badInput });
}

/** What messages call a file. */
export function nameOf(path: string): string {
  return path === "-" ? "<stdin>" : path;
}

/** @throws UserError after printing what is wrong, when anything is */
async function refuse(wrong: readonly Diagnostic[], outcome: string): Promise<void> {
  if (wrong.length === 0) return;
  // With it comes all that reads a spec, which is not wanted otherwise.
  const { printDiagnostics } = await import("./read-spec.ts");
  printDiagnostics(wrong);
  const names = [...new Set(wrong.map(({ source }) => source.name))];
  throw new UserError(`${outcome}: cloud-init would not take ${names.join(" and ")}`, {
    exitCode: exitCode.badInput,
    hint: "--no-check takes the files as they are",
  });
}
