/**
 * Several user-data in one, as cloud-init takes them: parts of MIME's multipart/mixed (RFC 2046).
 */
import { createHash } from "node:crypto";
import { isGzip, userDataKind } from "./user-data-kind.ts";

/** One of the parts. */
export interface Part {
  readonly content: Uint8Array;
  /** @default what cloud-init finds at the content's beginning, as if the content were alone */
  readonly type?: string;
  /** What cloud-init calls the file it makes of the part. */
  readonly filename?: string;
  /** How a cloud-config is merged with those before it. @default what both have is taken from this one */
  readonly mergeType?: string;
}

/** Lists become longer, maps are merged, and what the parts before say stays. */
export const appendingMerge = "list(append)+dict(no_replace,recurse_list)+str()";

/** The parts as one, which is the same bytes for the same parts. */
export function multipart(parts: readonly Part[]): Buffer {
  const bodies = parts.map(body);
  const hash = createHash("sha256");
  for (const bytes of bodies) hash.update(`${bytes.length} `).update(bytes);
  // No part has the hash of all parts in it, whoever has written them.
  const boundary = `vmbuild-${hash.digest("hex")}`;
  return Buffer.concat([
    Buffer.from(
      `Content-Type: multipart/mixed; boundary="${boundary}"\nMIME-Version: 1.0\n\n`,
      "latin1",
    ),
    ...bodies.flatMap((bytes) => [Buffer.from(`--${boundary}\n`), bytes, Buffer.from("\n")]),
    Buffer.from(`--${boundary}--\n`),
  ]);
}

/** A part with its header. */
function body({ content, type, filename, mergeType }: Part): Uint8Array {
  const text = Buffer.from(content).toString("utf8");
  // It has a header already, which says what is in it.
  if (type === undefined && !isGzip(content) && userDataKind(text) === "mime") {
    return Buffer.from(text.trimStart());
  }
  const header = [
    `Content-Type: ${type ?? (isGzip(content) ? "application/gzip" : "text/plain")}`,
    "MIME-Version: 1.0",
    "Content-Transfer-Encoding: base64",
    ...(filename === undefined ? [] : [`Content-Disposition: attachment; filename="${filename}"`]),
    ...(mergeType === undefined ? [] : [`Merge-Type: ${mergeType}`]),
  ];
  const lines = Buffer.from(content).toString("base64").replaceAll(/.{76}/g, "$&\n");
  return Buffer.from(`${header.map((line) => `${line}\n`).join("")}\n${lines}`);
}
