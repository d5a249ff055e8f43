import type { InputProblem } from "../../build/gather-inputs.ts";
import type { ImageNames } from "../../build/image-names.ts";
import type { ImageFailure } from "../../image/failure.ts";
import { nearest } from "../../spec/did-you-mean.ts";
import { splitPin } from "../../spec/pinned-name.ts";
import { closestBase } from "./closest-base.ts";
import { failureMessage } from "./failure-message.ts";
import type { Message } from "./message.ts";

/** The table `[images]` of `vmbuild.toml`. */
export interface ConfiguredImages {
  readonly names: ImageNames;
  /** The file that has it, or should have it. */
  readonly file: string;
  /** True when the table is there. */
  readonly hasTable: boolean;
}

type Asked = NonNullable<InputProblem["from"]>;
type Missing = Extract<ImageFailure, { readonly reason: "base-missing" }>;
type Mismatch = Extract<ImageFailure, { readonly reason: "base-digest-mismatch" }>;

/** A line of `[images]`. */
export function imagesLine(name: string, base: string): string {
  return `${JSON.stringify(name)} = ${JSON.stringify(base)}`;
}

/** What a spec needs and cannot have in words; of a name in `from`, with what `[images]` says or could say of it. */
export function inputMessage({ failure, from }: InputProblem, images: ConfiguredImages): Message {
  const message = failureMessage(failure);
  if (from === undefined) return message;
  if (from.entry === undefined) {
    return failure.reason === "base-missing"
      ? { ...message, hint: missingHint(failure, from, images, message) }
      : message;
  }
  const { name, base } = from.entry;
  const said = `${images.file} says ${imagesLine(name, base)} below [images]`;
  const withSaid = {
    ...message,
    detail: message.detail === undefined ? said : `${message.detail}\n${said}`,
  };
  return failure.reason === "base-digest-mismatch"
    ? { ...withSaid, ...mismatchWords(failure, from, from.entry, images, said) }
    : withSaid;
}

/** A name of another world has something to stand for; a slip of the pen has something it was meant to be. */
function missingHint(
  { name, available, recipes }: Missing,
  { text }: Asked,
  images: ConfiguredImages,
  { hint = "" }: Message,
): string {
  if (recipes.includes(name)) return hint;
  const meant = /[:/@]/u.test(text) ? undefined : nearest(name, [...available, ...recipes]);
  if (meant !== undefined) return `did you mean ${meant}?`;
  const closest = closestBase(name, available, recipes);
  if (closest === undefined) return hint;
  const make = available.includes(closest)
    ? ""
    : `make a base image with \`vmbuild base build ${closest}\`, and `;
  return `${make}write ${imagesLine(text, closest)} ${placeIn(images)}; or ${hint}`;
}

function placeIn({ file, hasTable }: ConfiguredImages): string {
  return hasTable ? `below [images] in ${file}` : `below a line [images] at the end of ${file}`;
}

function mismatchWords(
  { name, expected, actual }: Mismatch,
  { text }: Asked,
  entry: { readonly name: string; readonly base: string },
  images: ConfiguredImages,
  said: string,
): Pick<Message, "text" | "detail" | "hint"> {
  const base = splitPin(entry.base);
  if (base.digest === expected) {
    return {
      text: `the base image ${name} is not the one that ${images.file} asks for`,
      detail: `${said}\nthe image is sha256:${actual}`,
      hint: `bring the pinned image back, or change the pin in ${images.file}`,
    };
  }
  return {
    text: `${entry.name} stands for ${name}, whose content is not the one the spec asks for`,
    hint: `a digest of a Docker image's needs a line of its own: write ${imagesLine(text, entry.base)} ${placeIn(images)}`,
  };
}
