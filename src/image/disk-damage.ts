import { ok, type Result } from "../result.ts";
import type { StoreFailure } from "../store/failure.ts";
import { checkImage } from "../store/qemu-img.ts";
import type { ImageFormat } from "../store/qemu-img-argv.ts";

/**
 * What is wrong with a disk image as a whole, in one line; undefined for a good one, and for formats that QEMU has no
 * check for. Metadata alone is read, so an image whose end is missing is found by what it refers to there, which would
 * be read as zeros.
 */
export async function diskDamage(
  path: string,
  format: ImageFormat,
  signal: AbortSignal,
): Promise<Result<string | undefined, StoreFailure>> {
  if (format === "raw" || format === "vpc") return ok(undefined);
  const health = await checkImage(path, { format, signal });
  if (!health.ok) {
    return health.error.reason === "qemu-img-failed" ? ok(firstLine(health.error.stderr)) : health;
  }
  return ok(health.value.kind === "corrupt" ? firstLine(health.value.message) : undefined);
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}
