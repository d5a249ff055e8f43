import { type SealOperation, sealOperations } from "../seal/operations.ts";
import type { SealReport } from "../seal/seal-image.ts";
import { selectOperations } from "../seal/select-operations.ts";
import type { StoreLayout } from "../store/layout.ts";
import { exitCode } from "./exit-code.ts";
import { orThrow } from "./or-throw.ts";
import { columns } from "./output.ts";
import { UserError } from "./user-error.ts";

/** The flags that choose operations. */
export interface SelectionFlags {
  readonly enable?: readonly string[];
  readonly disable?: readonly string[];
}

/** The operations that flags ask for. @throws UserError */
export function operationsOf(flags: SelectionFlags): readonly SealOperation[] {
  const selected = selectOperations(flags);
  if (selected.ok) return selected.value;
  const { name, hint } = selected.error;
  throw new UserError(`there is no operation ${name}`, {
    exitCode: exitCode.usage,
    hint: `${hint}${hint.endsWith("?") ? " " : "; "}\`vmbuild seal --list\` shows them all`,
  });
}

/** The operations as a table, those with a `*` that are done. */
export function operationTable(chosen: readonly SealOperation[]): string {
  return columns(
    sealOperations.map((operation) => [
      chosen.includes(operation) ? "*" : " ",
      operation.name,
      operation.description,
    ]),
  );
}

/** The keys that vmbuild itself has put into images. @throws UserError */
export async function buildKeys(layout: StoreLayout): Promise<readonly string[]> {
  // It loads SSH, which takes longer than an export without sealing begins.
  const { storeKeyPair } = await import("../image/store-key-pair.ts");
  return [orThrow(await storeKeyPair(layout)).publicKey];
}

/** What was done, as whole lines; `verbose` tells every change. */
export function sealReportText(
  report: SealReport,
  { what, verbose }: { readonly what: string; readonly verbose: boolean },
): string {
  const { system, changes, notes, replayed } = report;
  const done = new Set(changes.map(({ operation }) => operation)).size;
  const found =
    changes.length === 0
      ? "there was nothing to do"
      : `${count(changes.length, "change")} by ${count(done, "operation")}`;
  const lines = [
    ...(verbose
      ? changes.map(({ operation, change, path }) => `${operation}: ${change} ${path}`)
      : []),
    ...replayed.map(
      (place) => `note: the journal on ${place} was replayed: the system was not shut down cleanly`,
    ),
    ...notes.map((note) => `note: ${note}`),
    `sealed ${what}${system === "" ? "" : ` (${system})`}: ${found}`,
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function count(number: number, one: string): string {
  return `${number} ${number === 1 ? one : `${one}s`}`;
}
