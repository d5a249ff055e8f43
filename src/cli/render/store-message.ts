import type { StoreFailure } from "../../store/failure.ts";
import { formatByteSize } from "../../profile/byte-size.ts";
import { exitCode } from "../exit-code.ts";
import { shortId } from "../../plan/plan-text.ts";
import type { Message } from "./message.ts";

type Failure = Exclude<StoreFailure, { reason: "program-missing" | "cancelled" }>;

/** A store's failure in words. */
export function storeMessage(failure: Failure): Message {
  switch (failure.reason) {
    case "store-unusable":
      return {
        text: `the store cannot be used: ${failure.path}: ${failure.message}`,
        hint: failure.hint,
        exitCode: exitCode.host,
      };
    case "disk-full":
      return {
        text: `the disk is full: ${failure.path}`,
        hint: "nothing that was built is lost; make room on that disk. What the store takes, `vmbuild df` shows, and `vmbuild prune --free 10G` makes some; --store uses another",
        exitCode: exitCode.host,
      };
    case "qemu-img-failed":
      return {
        text: "qemu-img failed",
        detail: `${failure.stderr}\nthe command was: ${failure.argv.join(" ")}`,
        exitCode: exitCode.host,
      };
    case "disk-corrupt":
      return {
        text: `the disk did not pass its check and was thrown away: ${failure.path}`,
        detail: failure.message,
        hint: "build again; if it happens again, look at the host's disk and memory",
        exitCode: exitCode.host,
      };
    case "layer-missing":
      return {
        text: `there is no layer ${shortId(failure.id)} in the store`,
        hint: "`vmbuild ls` lists what there is",
        exitCode: exitCode.badInput,
      };
    case "id-unknown":
      return {
        text: isShortOfAnId(failure.text)
          ? `there is no tag ${failure.text}, and it is too short for an id`
          : `nothing in the store is called ${failure.text}`,
        hint: hintForUnknown(failure),
        exitCode: exitCode.badInput,
      };
    case "id-ambiguous":
      return {
        text: `${failure.text} could be any of ${failure.matches.length} layers`,
        detail: failure.matches.join("\n"),
        hint: "give more digits",
        exitCode: exitCode.badInput,
      };
    case "layer-in-use":
      return {
        text: `the layer ${shortId(failure.id)} is in use`,
        detail: `by ${failure.by.join(", ")}`,
        hint: "delete the layers built on it as well (--recursive), take tags away with `vmbuild untag NAME`, let builds end",
        exitCode: exitCode.badInput,
      };
    case "tag-invalid":
      return {
        text: `${failure.name} cannot be a tag: ${failure.message}`,
        exitCode: exitCode.usage,
      };
    case "disk-size-too-small":
      return {
        text: `the disk cannot be made ${formatByteSize(failure.requestedBytes)} large: its base already has ${formatByteSize(failure.baseBytes)}`,
        hint: "a disk can only grow; give a larger --disk-size or none",
        exitCode: exitCode.badInput,
      };
  }
}

function hintForUnknown({ text, suggestions }: Extract<Failure, { reason: "id-unknown" }>): string {
  if (suggestions.length > 0) return `did you mean ${suggestions.join(" or ")}?`;
  return isShortOfAnId(text)
    ? "give at least 4 digits of an id"
    : "`vmbuild ls` lists what there is";
}

/** Whether it may have been meant for the beginning of an id, of which 4 digits are needed. */
function isShortOfAnId(text: string): boolean {
  return /^[0-9a-f]{1,3}$/i.test(text);
}
