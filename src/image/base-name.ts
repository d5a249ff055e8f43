import { failed, ok, type Result } from "../result.ts";
import type { ImageFailure } from "./failure.ts";

/**
 * A name that can be a file below `base-image/`: letters, digits and `._:@+-`, in parts divided by
 * `/`, no part starting with a dot. `sha256` is the store's own.
 */
export function checkBaseName(name: string): Result<void, ImageFailure> {
  const invalid = (message: string): Result<void, ImageFailure> =>
    failed({ reason: "base-name-invalid", name, message });
  if (name.length > 200) return invalid("a name has at most 200 characters");
  const parts = name.split("/");
  if (parts[0] === "sha256") return invalid("`sha256` is where the store keeps its own files");
  for (const part of parts) {
    if (!/^[A-Za-z0-9][A-Za-z0-9._:@+-]*$/.test(part)) {
      return invalid(
        "a name consists of letters, digits and ._:@+- and starts with a letter or digit, in parts divided by /",
      );
    }
  }
  return ok();
}
