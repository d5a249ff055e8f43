import type { ImageFailure } from "../../image/failure.ts";
import { formatByteSize } from "../../profile/byte-size.ts";
import { describeProfileFailure } from "../../profile/failure.ts";
import type { StoreFailure } from "../../store/failure.ts";
import { exitCode } from "../exit-code.ts";
import type { Message } from "./message.ts";

type Failure = Exclude<ImageFailure, StoreFailure>;

/** A base image's failure in words. */
export function imageMessage(failure: Failure): Message {
  switch (failure.reason) {
    case "base-missing":
      return {
        text: `there is no base image ${failure.name}`,
        detail:
          failure.available.length === 0
            ? `${failure.dir} has none yet`
            : `${failure.dir} has ${failure.available.join(", ")}`,
        hint: failure.recipes.includes(failure.name)
          ? `make it with \`vmbuild base build ${failure.name}\``
          : `add a disk with \`vmbuild base add ${failure.name} --from FILE\``,
        exitCode: exitCode.badInput,
      };
    case "base-name-invalid":
      return {
        text: `${JSON.stringify(failure.name)} cannot name a base image: ${failure.message}`,
        exitCode: exitCode.badInput,
      };
    case "base-ambiguous":
      return {
        text: `the base image ${failure.name} could be any of several files`,
        detail: failure.candidates.join("\n"),
        hint: "remove all but one, or name one with `disk` in the profile",
        exitCode: exitCode.badInput,
      };
    case "base-unusable":
      return {
        text: `${failure.path} cannot be used: ${failure.message}`,
        hint: failure.hint,
        exitCode: exitCode.badInput,
      };
    case "base-digest-mismatch":
      return {
        text: `the base image ${failure.name} is not the one the spec asks for`,
        detail: `the spec pins sha256:${failure.expected}\nthe image is   sha256:${failure.actual}`,
        hint: "bring the pinned image back, or change the pin in the spec",
        exitCode: exitCode.badInput,
      };
    case "input-unusable":
      return {
        text: `${failure.name} cannot be used: ${failure.message}`,
        ...(failure.hint === undefined ? {} : { hint: failure.hint }),
        exitCode: exitCode.badInput,
      };
    case "image-would-shrink":
      return {
        text: `the disk ${failure.name} has ${formatByteSize(failure.inputBytes)}, and ${formatByteSize(failure.sizeBytes)} are asked for`,
        hint: "give a larger size; --shrink cuts off its end with all that is there",
        exitCode: exitCode.badInput,
      };
    case "image-exists":
      return {
        text: `${failure.path} is there already`,
        hint: "--overwrite replaces it",
        exitCode: exitCode.badInput,
      };
    case "base-changed":
      return {
        text: `${failure.path} changed while it was read`,
        hint: "build again when nothing writes to it",
        exitCode: exitCode.badInput,
      };
    case "base-damaged":
      return {
        text: `the store's copy of a base image is damaged: ${failure.path}: ${failure.message}`,
        hint: "layers built on it are lost: delete them, and add the base image again",
        exitCode: exitCode.host,
      };
    case "base-exists":
      return {
        text: `there is a base image ${failure.name} already`,
        hint: "replace it with --force, or choose another name",
        exitCode: exitCode.badInput,
      };
    case "base-name-is-tag":
      return {
        text: `there is a tag ${failure.name} already`,
        hint: `\`from\` could not tell them apart; choose another name, or \`vmbuild untag ${failure.name}\``,
        exitCode: exitCode.usage,
      };
    case "recipe-missing":
      return {
        text: `there is no recipe for a base image ${failure.name}`,
        detail: `there are recipes for ${failure.available.join(", ")}`,
        hint: `a disk you already have is added with \`vmbuild base add ${failure.name} --from FILE\``,
        exitCode: exitCode.badInput,
      };
    case "recipe-failed":
      return {
        text: `the base image ${failure.name} could not be made${failure.exitCode === undefined ? "" : ` (its recipe ended with ${failure.exitCode})`}`,
        detail: failure.message,
        exitCode: exitCode.host,
      };
    case "recipe-medium-unused":
      return {
        text: `the recipe of ${failure.name} does not read --${failure.medium}`,
        hint: `leave --${failure.medium} out`,
        exitCode: exitCode.usage,
      };
    case "profile-invalid":
      return {
        text: "the base image's profile is wrong",
        detail: describeProfileFailure(failure),
        exitCode: exitCode.badInput,
      };
    case "export-target-unusable":
      return {
        text: `${failure.path} cannot be written: ${failure.message}`,
        exitCode: exitCode.usage,
      };
    case "export-failed":
      return {
        text: `${failure.path} could not be written: ${failure.message}`,
        exitCode: exitCode.host,
      };
  }
}
