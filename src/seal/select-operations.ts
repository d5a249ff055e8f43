import { failed, ok, type Result } from "../result.ts";
import { suggest } from "../spec/did-you-mean.ts";
import { type SealOperation, sealOperations } from "./operations.ts";

/** What stands for all operations that are done unless something else is said. */
const defaultsName = "defaults";

/** A name that no operation has. */
export interface UnknownOperation {
  readonly name: string;
  /** A near name, or the list. */
  readonly hint: string;
}

/**
 * The operations that are to be done, in their order. `enable` names those, as virt-sysprep's flag does, with
 * `defaults` for all that are done by default, which is also what is done without it; `disable` takes some away.
 */
export function selectOperations({
  enable = [defaultsName],
  disable = [],
}: {
  readonly enable?: readonly string[];
  readonly disable?: readonly string[];
}): Result<readonly SealOperation[], UnknownOperation> {
  const names = sealOperations.map(({ name }) => name);
  for (const name of enable) {
    const known = [...names, defaultsName];
    if (!known.includes(name)) return failed({ name, hint: suggest(name, known) });
  }
  for (const name of disable) {
    if (!names.includes(name)) return failed({ name, hint: suggest(name, names) });
  }
  const isEnabled = ({ name, isDefault }: SealOperation): boolean =>
    enable.includes(name) || (isDefault && enable.includes(defaultsName));
  return ok(
    sealOperations.filter((operation) => isEnabled(operation) && !disable.includes(operation.name)),
  );
}
