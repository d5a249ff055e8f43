import { rename, rm, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import {
  checkMetaData,
  checkNetworkConfig,
  checkUserData,
  type CloudInitSchemas,
} from "../../cloudinit/check-seed.ts";
import { readSchemas } from "../../cloudinit/read-schemas.ts";
import { seedFiles } from "../../cloudinit/seed-files.ts";
import { seedImage } from "../../cloudinit/seed-image.ts";
import { userDataKind } from "../../cloudinit/user-data-kind.ts";
import { exportTarget } from "../../image/export-target.ts";
import { decodeText } from "../../spec/decode-text.ts";
import type { Diagnostic } from "../../spec/diagnostic.ts";
import type { SourceText } from "../../spec/source.ts";
import { maxTextLength } from "../../spec/text-limit.ts";
import { exitCode } from "../exit-code.ts";
import { orThrow } from "../or-throw.ts";
import { readBytes } from "../read-bytes.ts";
import { printDiagnostics } from "../read-spec.ts";
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

/** `vmbuild seed`: a NoCloud seed image. Nothing is written when anything is wrong. */
export async function seed(flags: SeedFlags): Promise<void> {
  const { userData, metaData, vendorData, networkConfig } = flags;
  const paths = [userData, metaData, vendorData, networkConfig];
  if (paths.filter((path) => path === "-").length > 1) {
    throw new UserError("only one file can be standard input", { exitCode: exitCode.usage });
  }
  const target = orThrow(await exportTarget(resolve(flags.output)));
  const checking = flags.check ? new Checking(await readSchemas()) : undefined;
  const read = (path: string, what: string, check: Check) =>
    readChecked(path, what, check, checking);
  const files = seedFiles({
    userData: await read(userData, "a user-data", checkUserData),
    ...(metaData === undefined
      ? {}
      : { metaData: await read(metaData, "a meta-data", checkMetaData) }),
    ...(vendorData === undefined
      ? {}
      : { vendorData: await read(vendorData, "a vendor-data", checkUserData) }),
    ...(networkConfig === undefined
      ? {}
      : { networkConfig: await read(networkConfig, "a network-config", checkNetworkConfig) }),
  });
  checking?.end();
  try {
    await writeFile(target.stagedPath, seedImage(files), { flag: "wx" });
    await rename(target.stagedPath, target.path);
  } catch (error) {
    await rm(target.stagedPath, { force: true });
    throw new UserError(`${flags.output} cannot be written: ${(error as Error).message}`, {
      exitCode: exitCode.host,
    });
  }
  const names = files.map(({ name }) => name).join(", ");
  process.stderr.write(`made the seed ${flags.output} with ${names}\n`);
}

/** Looks into every file before the first word about one. */
class Checking {
  readonly schemas: CloudInitSchemas;
  readonly #found: Diagnostic[] = [];

  constructor(schemas: CloudInitSchemas) {
    this.schemas = schemas;
  }

  add(diagnostics: readonly Diagnostic[]): void {
    this.#found.push(...diagnostics);
  }

  /** @throws UserError after printing what is wrong */
  end(): void {
    printDiagnostics(this.#found);
    const names = [...new Set(this.#found.map(({ source }) => source.name))];
    if (names.length === 0) return;
    throw new UserError(`no seed is made: cloud-init would not take ${names.join(" and ")}`, {
      exitCode: exitCode.badInput,
      hint: "--no-check makes it of the files as they are",
    });
  }
}

async function readChecked(
  path: string,
  what: string,
  check: Check,
  checking: Checking | undefined,
): Promise<Uint8Array> {
  const bytes = await readBytes(path, what, maxTextLength);
  const name = path === "-" ? "<stdin>" : path;
  if (bytes.length > maxTextLength) {
    throw new UserError(`${name} is larger than 4 MiB`, { exitCode: exitCode.badInput });
  }
  if (checking === undefined || userDataKind(bytes) === "gzip") return bytes;
  const decoded = decodeText(bytes, name);
  checking.add(decoded.ok ? check(decoded.value, checking.schemas) : decoded.error);
  return bytes;
}
