import { readFile, stat } from "node:fs/promises";
import { failed, ok, type Result } from "../result.ts";
import { attempt } from "../store/fs-failure.ts";
import type { Checksum } from "./checksum.ts";
import { checksumIn } from "./checksum-file.ts";
import { download, type DownloadRequest } from "./download.ts";
import type { DownloadFailure } from "./failure.ts";
import type { WebSource } from "./source.ts";

/** Files of checksums are of some lines for each image. */
const MAX_BYTES = 4 * 1024 ** 2;

/**
 * The checksum that a publisher gives for a file, in another file beside it. It protects from files that are damaged or
 * of two releases; whether the server is the publisher's only its https tells.
 *
 * @param beside the URL of the file of checksums, or what it is relative to the file's own
 */
export async function publishedChecksum(
  source: WebSource,
  beside: string,
  how: Pick<DownloadRequest, "layout" | "idleMs" | "retryDelayMs" | "signal">,
): Promise<Result<Checksum, DownloadFailure>> {
  const { url, ...login } = source;
  const sums = new URL(beside, url).href;
  const downloaded = await download({ ...how, source: { ...login, url: sums } });
  if (!downloaded.ok) return downloaded;
  await using file = downloaded.value;
  const name = decodeURIComponent(new URL(url).pathname.split("/").at(-1) ?? "");
  const read = await attempt(file.path, async () =>
    (await stat(file.path)).size > MAX_BYTES ? "" : readFile(file.path, "utf8"),
  );
  if (!read.ok) return read;
  const checksum = checksumIn(read.value, name);
  if (checksum !== undefined) return ok(checksum);
  const message = `it has no checksum of ${name}`;
  return failed({ reason: "download-failed", source: sums, message, keptBytes: 0 });
}
