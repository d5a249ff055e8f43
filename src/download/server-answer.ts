/** What a server's answer says about the bytes in it (RFC 9110, 14 and 15). */

/** What to do with an answer. */
export type Answer =
  /** The file from its beginning. */
  | { readonly kind: "whole"; readonly totalBytes?: number; readonly validator?: string }
  /** The rest of the file, from where it was asked for. */
  | { readonly kind: "rest"; readonly totalBytes?: number; readonly validator?: string }
  /** Everything is there already. */
  | { readonly kind: "complete" }
  /** The rest that was asked for does not go with what is there: ask for the whole. */
  | { readonly kind: "start-over" }
  /** The server says no. */
  | { readonly kind: "refused"; readonly message: string; readonly isPassing: boolean };

/** Refusals that may be over soon. */
const passing = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Reads the head of an answer to a request for everything from byte `position` on. */
export function readAnswer(
  { status, statusText, headers }: Pick<Response, "status" | "statusText" | "headers">,
  position: number,
): Answer {
  if (status === 200) return { kind: "whole", ...aboutWhole(headers) };
  if (status === 206 && position > 0) {
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get("content-range") ?? "");
    const [, first, total] = range ?? [];
    if (Number(first) !== position || isEncoded(headers)) return { kind: "start-over" };
    return {
      kind: "rest",
      ...(total === "*" ? {} : { totalBytes: Number(total) }),
      ...validatorOf(headers),
    };
  }
  if (status === 416 && position > 0) {
    const total = /^bytes \*\/(\d+)$/.exec(headers.get("content-range") ?? "")?.[1];
    return { kind: Number(total) === position ? "complete" : "start-over" };
  }
  return {
    kind: "refused",
    message: `the server answered ${`${status} ${statusText}`.trim()}`,
    isPassing: passing.has(status),
  };
}

function aboutWhole(headers: Headers) {
  // `fetch` unpacks what comes, so neither the length nor a range would be that of the file.
  if (isEncoded(headers)) return {};
  const length = headers.get("content-length");
  return {
    ...(length !== null && /^\d+$/.test(length) ? { totalBytes: Number(length) } : {}),
    ...validatorOf(headers),
  };
}

/** What `If-Range` takes: a weak tag is none (RFC 9110, 13.1.5). */
function validatorOf(headers: Headers): { readonly validator?: string } {
  const tag = headers.get("etag");
  const validator = tag !== null && !tag.startsWith("W/") ? tag : headers.get("last-modified");
  return validator === null ? {} : { validator };
}

function isEncoded(headers: Headers): boolean {
  const encoding = headers.get("content-encoding");
  return encoding !== null && encoding !== "" && encoding !== "identity";
}
