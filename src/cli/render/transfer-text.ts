import type { TransferProgress } from "../../download/transfer.ts";
import { formatByteSize } from "../../profile/byte-size.ts";

/** How far a download is. */
export function transferText(
  url: string,
  { receivedBytes, totalBytes }: TransferProgress = { receivedBytes: 0 },
): string {
  if (receivedBytes === 0) return `downloading ${url}`;
  if (totalBytes === undefined || totalBytes === 0) {
    return `downloading ${url} ${formatByteSize(receivedBytes)}`;
  }
  const percent = Math.floor((receivedBytes / totalBytes) * 100);
  return `downloading ${url} ${percent} % of ${formatByteSize(totalBytes)}`;
}
