/**
 * What the syntax allows and yet cannot work. Only certain failures are errors; what is likely a
 * mistake is a warning. Checks that need other directives are with the scope (`scope.ts`).
 */
import { placeName } from "./line-and-column.ts";
import { isNetwork } from "./network.ts";
import type { Problems } from "./problems.ts";
import { atomInMessage, clippedAtom } from "./quote-atom.ts";
import type { SexpAtom } from "./sexp.ts";
import type { SourceRange } from "./source.ts";
import type { CacheMount, SecretMount } from "./spec.ts";

/** The largest id: 2^32 - 1 is `(uid_t) -1`, which means "no change" to the kernel. */
const maxUserId = 2 ** 32 - 2;

/** Node's timers, which hold the limit, count milliseconds in 31 bits. */
const maxTimeoutMs = 2 ** 31 - 1;

/** Names of images, builds, users, caches, secrets and programs: an empty one can name nothing. */
export function checkNotEmpty(atom: SexpAtom | undefined, what: string, problems: Problems): void {
  if (atom?.text === "") problems.error(atom.range, `${what} is empty`);
}

/** `execve` takes `NAME=VALUE` strings, so a name with `=` would name another variable. */
export function checkEnvName(name: SexpAtom, problems: Problems): void {
  checkNotEmpty(name, "the name of the variable", problems);
  const equals = name.text.indexOf("=");
  if (equals === -1) return;
  const variable = clippedAtom(name.text.slice(0, equals) || "NAME");
  const value = clippedAtom(name.text.slice(equals + 1) || "VALUE");
  const hint = `write \`(env ${variable} ${value})\``;
  problems.error(name.range, "a variable's name cannot contain `=`", hint);
}

/** No system has a user below 0 or above `maxUserId`. */
export function checkUserId(id: number, range: SourceRange, problems: Problems): void {
  if (id >= 0 && id <= maxUserId) return;
  problems.error(range, `a user or group id goes from 0 to ${maxUserId}`);
}

/** A limit of nothing ends every command, and Node takes an overlong timer for the shortest. */
export function checkTimeout(ms: number, range: SourceRange, problems: Problems): void {
  if (ms === 0) problems.error(range, "a timeout of nothing lets no command run");
  if (ms > maxTimeoutMs) problems.error(range, "a timeout can be 24 days at most");
}

/** Of two mounts on one place the first is hidden by the second. */
export function checkMounts(
  mounts: readonly (CacheMount | SecretMount)[],
  problems: Problems,
): void {
  const seen = new Map<string, SourceRange>();
  for (const { target, range } of mounts) {
    const place = target.replaceAll(/\/+/gu, "/").replace(/(?<=.)\/$/u, "");
    const earlier = seen.get(place);
    if (earlier === undefined) {
      seen.set(place, range);
    } else {
      const hint = (): string =>
        `the first is at ${placeName(problems.source.text, earlier.start)}`;
      problems.error(
        range,
        `two mounts in one \`run\` have the target ${atomInMessage(target)}`,
        hint,
      );
    }
  }
}

/** Where OBuilder fails at run time: nothing to copy, or several things onto one file. */
export function checkCopyItems(
  src: { readonly paths: readonly SexpAtom[]; readonly range: SourceRange },
  dst: SexpAtom | undefined,
  problems: Problems,
): void {
  if (src.paths.length === 0) {
    problems.error(src.range, "no source items for `copy`", "`(src .)` copies everything");
  }
  // OBuilder joins a relative destination to the workdir first, which makes the empty one end with "/".
  if (src.paths.length < 2 || dst === undefined || dst.text === "" || dst.text.endsWith("/"))
    return;
  problems.error(
    dst.range,
    "when copying multiple items, the destination must end with `/`",
    `did you mean ${atomInMessage(`${dst.text}/`)}?`,
  );
}

/** OBuilder refuses `..` too: the rest of the host is no input of a build. */
export function checkCopySource(path: SexpAtom, isContext: boolean, problems: Problems): void {
  if (!path.text.split("/").includes("..")) return;
  const place = isContext ? "the build context" : "the build's files";
  problems.error(path.range, `\`..\` leaves ${place}`, "a source path cannot contain `..`");
}

/** Excludes are compared with base names, so one with a `/` never applies. */
export function checkExclude(name: SexpAtom, problems: Problems): void {
  if (!name.text.includes("/")) return;
  const message = `${atomInMessage(name.text)} excludes nothing: only base names are compared`;
  problems.warning(name.range, message);
}

/** OBuilder takes any name; building one that means nothing is refused, since the step may rely on it. */
export function checkNetwork(name: SexpAtom, problems: Problems): void {
  if (isNetwork(name.text)) return;
  problems.warning(name.range, unknownNetworkText(name.text), knownNetworks);
}

/** What is wrong with a name in `(network …)`. */
export function unknownNetworkText(name: string): string {
  return `unknown network ${atomInMessage(name)}`;
}

/** What to write instead. */
export const knownNetworks = "`host` and `nat` open the network; a build refuses other names";

/** With no argv the text of a `run` is itself the program: legal, and hardly meant. */
export function checkShell(argv: readonly SexpAtom[], head: SourceRange, problems: Problems): void {
  checkNotEmpty(argv[0], "the name of the program", problems);
  if (argv.length > 0) return;
  const message = "without arguments the whole text of a `run` is taken for a program's name";
  problems.warning(head, message, "`(shell /bin/sh -c)`");
}
