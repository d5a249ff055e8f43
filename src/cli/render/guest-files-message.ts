import type { GuestFilesFailure } from "../../build/failure.ts";
import { quoteAtom } from "../../spec/quote-atom.ts";
import { exitCode } from "../exit-code.ts";
import type { Message } from "./message.ts";

/** In words, why files of a finished build cannot be had. */
export function guestFilesMessage({ build, cause }: GuestFilesFailure): Message {
  const where = build === undefined ? "the result" : `the build ${quoteAtom(build)}`;
  switch (cause.reason) {
    case "path-missing":
      return {
        text: `there is no ${cause.path} in ${where}`,
        hint: "a source is a path in its guest, from the root, as its last step left it; what lives in RAM only is no part of it",
        exitCode: exitCode.badInput,
      };
    case "special-file":
      return {
        text: `${cause.path} in ${where} is a device or a FIFO, which cannot be copied`,
        hint: "leave it out with `exclude`, or name what lies beside it",
        exitCode: exitCode.badInput,
      };
    case "name-not-utf8":
      return {
        text: `the name or link text of ${cause.path} in ${where} is not UTF-8`,
        hint: "rename it, or leave its directory out with `exclude`",
        exitCode: exitCode.badInput,
      };
    case "read-failed":
      return {
        text: `the files could not be read in the guest of ${where}`,
        detail: cause.message,
        exitCode: exitCode.guest,
      };
    case "archive-invalid":
      return {
        text: `the guest of ${where} gave its files as an archive that is no good: ${cause.message}`,
        exitCode: exitCode.guest,
      };
  }
}
