import { failed, ok, type Result } from "../result.ts";
import { nameProblem } from "../store/name-rule.ts";
import type { ImageFailure } from "./failure.ts";

/**
 * A name that can be a file below `base-image/`: see `nameProblem`. `sha256` is the store's own.
 */
export function checkBaseName(name: string): Result<void, ImageFailure> {
  const invalid = (message: string): Result<void, ImageFailure> =>
    failed({ reason: "base-name-invalid", name, message });
  if (name.length > 200) return invalid("a name has at most 200 characters");
  if (name.split("/", 1)[0] === "sha256") {
    return invalid("`sha256` is where the store keeps its own files");
  }
  const problem = nameProblem(name);
  return problem === undefined ? ok() : invalid(problem);
}
