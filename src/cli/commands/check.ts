import { parseSpec } from "../../spec/parse-spec.ts";
import { strictObuilderDiagnostics } from "../../spec/strict-obuilder.ts";
import { exitCode } from "../exit-code.ts";
import { printDiagnostics, readSource, wrongSpec } from "../read-spec.ts";
import { UserError } from "../user-error.ts";

/** `vmbuild check`: says everything that is wrong with every file. */
export async function check(
  files: readonly string[],
  flags: { readonly strictObuilder?: boolean },
): Promise<void> {
  const failures: UserError[] = [];
  for (const file of files) {
    try {
      await checkOne(file, flags.strictObuilder === true);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      failures.push(error);
    }
  }
  const [only] = failures;
  if (only === undefined) return;
  if (failures.length === 1) throw only;
  throw new UserError(failures.map(({ message }) => message).join("; "), {
    exitCode: exitCode.badInput,
  });
}

async function checkOne(file: string, strict: boolean): Promise<void> {
  const source = await readSource(file);
  const parsed = parseSpec(source);
  if (!parsed.ok) throw wrongSpec(source.name, parsed.error);
  printDiagnostics(parsed.value.warnings);
  const foreign = strict ? strictObuilderDiagnostics(parsed.value.document) : [];
  if (foreign.length > 0) throw wrongSpec(source.name, foreign);
}
