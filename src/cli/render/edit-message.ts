import type { EditFailure } from "../../appliance/failure.ts";
import type { StepFailure } from "../../build/failure.ts";
import { quoteWord } from "../../machine/posix-quote.ts";
import { exitCode } from "../exit-code.ts";
import type { Message } from "./message.ts";

/** What ended an edit: a command of the user's, what the user asked for, or the machine that should do it. */
function editExitCode({
  exitStatus,
  isImpossible,
}: Extract<EditFailure, { readonly reason: "edit-failed" }>): number {
  if (exitStatus !== undefined) return exitCode.commandFailed;
  return isImpossible === true ? exitCode.badInput : exitCode.guest;
}

/** In words, why an image could not be edited. */
export function editMessage(failure: Exclude<EditFailure, StepFailure>): Message {
  const { path } = failure;
  switch (failure.reason) {
    case "image-unusable":
      return {
        text: `${path} cannot be edited: ${failure.message}`,
        hint: failure.hint,
        exitCode: exitCode.badInput,
      };
    case "no-system":
      return {
        text: `there is no system on ${path}: no file system that could be mounted has /etc and /usr or /bin`,
        detail: `what there is:\n${failure.volumes.join("\n")}`,
        hint: failure.volumes.some((volume) => volume.includes("encrypted"))
          ? "--key all:file:PATH names a file with the passphrase of an encrypted volume"
          : "ext2 to ext4, xfs, btrfs and NTFS can be read, also on LVM and, with --key, on LUKS",
        exitCode: exitCode.badInput,
      };
    case "several-systems":
      return {
        text: `there is more than one system on ${path}, and it cannot be told which is meant`,
        detail: failure.systems.join("\n"),
        hint: "--root says which, by its partition's number or as VG/LV",
        exitCode: exitCode.badInput,
      };
    case "edit-input-unusable":
      return {
        text: `${failure.wanted}: ${path} cannot be used: ${failure.message}`,
        exitCode: exitCode.badInput,
      };
    case "edit-failed":
      return {
        text:
          failure.isReading === true
            ? `${path} could not be read`
            : `${path} could not be edited; it is as it was`,
        detail: failure.message,
        exitCode: editExitCode(failure),
      };
    case "edit-unfinished":
      return {
        text: `an edit of ${path} was cut short while it was written: only a part of it is in the image`,
        ...(failure.message === undefined ? {} : { detail: failure.message }),
        hint: `finish it with \`qemu-img commit -d -f qcow2 ${quoteWord(failure.overlayPath)}\`, and then remove that file`,
        exitCode: exitCode.host,
      };
  }
}
