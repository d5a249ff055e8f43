import { type ImageNameProblem, imageNames } from "../build/image-names.ts";
import { exitCode } from "./exit-code.ts";
import { type ConfiguredImages, imagesLine } from "./render/input-message.ts";
import { UserError } from "./user-error.ts";

/** The key of the table in `vmbuild.toml`. */
export const imagesKey = "images";

/**
 * The table `[images]` of the configuration file `file`, as TOML has read it; undefined when there is none.
 *
 * @throws UserError that names the file, the first wrong entry and the way out
 */
export function configuredImages(table: unknown, file: string): ConfiguredImages {
  if (table === undefined) return { names: new Map(), file, hasTable: false };
  const wrong = (what: string, hint: string): UserError =>
    new UserError(`${file}: ${what}`, { exitCode: exitCode.badInput, hint });
  if (typeof table !== "object" || table === null || Array.isArray(table)) {
    const hint = `below a line [images], write ${imagesLine("debian:12", "debian-12")}`;
    throw wrong("images must be a table", hint);
  }
  const entries: [string, string][] = [];
  for (const [name, base] of Object.entries(table)) {
    if (typeof base !== "string") {
      const hint = `write the name of a base image or tag, and a name with a dot or colon in quotes: ${imagesLine("debian:12", "debian-12")}`;
      throw wrong(`${keyPath(name)} must be a string`, hint);
    }
    entries.push([name, base]);
  }
  const names = imageNames(entries);
  if (names.ok) return { names: names.value, file, hasTable: true };
  const [problem] = names.error;
  if (problem === undefined) throw new Error("Internal error: a table is refused for no reason");
  const { what, hint } = wordsOf(problem);
  throw wrong(`${keyPath(problem.name)}: ${what}`, hint);
}

const keyPath = (name: string): string => `images.${JSON.stringify(name)}`;

function wordsOf(problem: ImageNameProblem): { readonly what: string; readonly hint: string } {
  const { name, base } = problem;
  switch (problem.reason) {
    case "image-name-malformed":
      return {
        what: `${JSON.stringify(problem.text)} is not a name`,
        hint: "a name is NAME or NAME@sha256:DIGEST, with the 64 hex digits of a SHA-256",
      };
    case "image-name-twice":
      return {
        what: "the name is there twice, with its digest in capitals and in small letters",
        hint: "remove one of the lines",
      };
    case "image-name-leads-on":
      return problem.end === undefined
        ? {
            what: `${JSON.stringify(base)} leads back to itself`,
            hint: "write the name of a base image or tag that is no key of [images]",
          }
        : {
            what: `${JSON.stringify(base)} is a key of [images] itself`,
            hint: `write ${imagesLine(name, problem.end)}`,
          };
  }
}
