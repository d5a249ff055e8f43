import { resolve } from "node:path";
import {
  checkMetaData,
  checkNetworkConfig,
  checkUserData,
  type CloudInitSchemas,
} from "../../cloudinit/check-seed.ts";
import { readSchemas } from "../../cloudinit/read-schemas.ts";
import { type SeedContent, seedFiles } from "../../cloudinit/seed-files.ts";
import { seedImage } from "../../cloudinit/seed-image.ts";
import { isGzip } from "../../cloudinit/user-data-kind.ts";
import { exportTarget } from "../../image/export-target.ts";
import { decodeText } from "../../spec/decode-text.ts";
import type { Diagnostic } from "../../spec/diagnostic.ts";
import type { SourceText } from "../../spec/source.ts";
import { maxTextLength } from "../../spec/text-limit.ts";
import { exitCode } from "../exit-code.ts";
import { orThrow } from "../or-throw.ts";
import { readBytes } from "../read-bytes.ts";
import { printDiagnostics } from "../read-spec.ts";
import { replaceFile } from "../replace-file.ts";
import { UserError } from "../user-error.ts";

interface SeedFlags {
  readonly output: string;
  readonly userData: string;
  readonly metaData?: string;
  readonly vendorData?: string;
  readonly networkConfig?: string;
  /** False for `--no-check`. */
  readonly check: boolean;
}

type Check = (source: SourceText, schemas: CloudInitSchemas) => readonly Diagnostic[];

const inputs: readonly (readonly [part: keyof SeedContent, what: string, check: Check])[] = [
  ["userData", "a user-data", checkUserData],
  ["metaData", "a meta-data", checkMetaData],
  ["vendorData", "a vendor-data", checkUserData],
  ["networkConfig", "a network-config", checkNetworkConfig],
];

/** `vmbuild seed`: a NoCloud seed image. Nothing is written when anything is wrong. */
export async function seed(flags: SeedFlags): Promise<void> {
  const paths = inputs.map(([part]) => flags[part]);
  if (paths.filter((path) => path === "-").length > 1) {
    throw new UserError("only one file can be standard input", { exitCode: exitCode.usage });
  }
  const target = orThrow(await exportTarget(resolve(flags.output)));
  const schemas = flags.check ? await readSchemas() : undefined;
  const content: { -readonly [Part in keyof SeedContent]?: Uint8Array } = {};
  const wrong: Diagnostic[] = [];
  for (const [part, what, check] of inputs) {
    const path = flags[part];
    if (path === undefined) continue;
    const bytes = await readPart(path, what);
    content[part] = bytes;
    if (schemas === undefined || isGzip(bytes)) continue;
    const decoded = decodeText(bytes, nameOf(path));
    wrong.push(...(decoded.ok ? check(decoded.value, schemas) : decoded.error));
  }
  refuse(wrong);
  const { userData } = content;
  if (userData === undefined) throw new Error("Internal error: a seed without user-data");
  const files = seedFiles({ ...content, userData });
  await replaceFile({ ...target, name: flags.output }, seedImage(files));
  const names = files.map(({ name }) => name).join(", ");
  process.stderr.write(`made the seed ${flags.output} with ${names}\n`);
}

async function readPart(path: string, what: string): Promise<Uint8Array> {
  const bytes = await readBytes(path, what, maxTextLength);
  if (bytes.length <= maxTextLength) return bytes;
  throw new UserError(`${nameOf(path)} is larger than 4 MiB`, { exitCode: exitCode.badInput });
}

function nameOf(path: string): string {
  return path === "-" ? "<stdin>" : path;
}

/** @throws UserError after printing what is wrong, when anything is */
function refuse(wrong: readonly Diagnostic[]): void {
  if (wrong.length === 0) return;
  printDiagnostics(wrong);
  const names = [...new Set(wrong.map(({ source }) => source.name))];
  throw new UserError(`no seed is made: cloud-init would not take ${names.join(" and ")}`, {
    exitCode: exitCode.badInput,
    hint: "--no-check makes it of the files as they are",
  });
}
