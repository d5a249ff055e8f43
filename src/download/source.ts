import { fileURLToPath } from "node:url";
import { failed, ok, type Result } from "../result.ts";

/** Where bytes come from: a server, or a file of this host. */
export type Source = WebSource | FileSource;

export interface WebSource {
  readonly kind: "web";
  /** Without a user's name and password, so that it can be shown. */
  readonly url: string;
  /** The header that the name and password in the URL stood for. */
  readonly authorization?: string;
}

export interface FileSource {
  readonly kind: "file";
  /** As it was written, or absolute when it was a URL. */
  readonly path: string;
}

/** Why a text is no source. */
export interface SourceProblem {
  /** A clause in lower case. */
  readonly message: string;
  readonly hint?: string;
}

/** What a text names: an http, https or file URL, or else a path. */
export function parseSource(text: string): Result<Source, SourceProblem> {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    return text === "" || text.includes("\0")
      ? failed({ message: "this is no path" })
      : ok({ kind: "file", path: text });
  }
  if (scheme !== "http" && scheme !== "https" && scheme !== "file") {
    const hint = "expected an http, https or file URL, or a path";
    return failed({ message: `vmbuild cannot fetch ${scheme} URLs`, hint });
  }
  if (!URL.canParse(text)) return failed({ message: "this is no URL" });
  const url = new URL(text);
  if (scheme === "file") {
    try {
      return ok({ kind: "file", path: fileURLToPath(url) });
    } catch {
      return failed({
        message: "this names no file of this host",
        hint: "a file URL has three slashes: file:///path",
      });
    }
  }
  const { username, password } = url;
  url.username = "";
  url.password = "";
  url.hash = "";
  const web = { kind: "web", url: url.href } as const;
  if (username === "" && password === "") return ok(web);
  try {
    const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return ok({ ...web, authorization: `Basic ${Buffer.from(login).toString("base64")}` });
  } catch {
    return failed({ message: "the user's name or password in this URL is not percent-encoded" });
  }
}
