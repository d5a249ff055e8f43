import type { ContextFailure } from "../../context/failure.ts";
import { exitCode } from "../exit-code.ts";
import type { Message } from "./message.ts";

type Failure = Exclude<ContextFailure, { reason: "cancelled" }>;

/** A build context's failure in words. */
export function contextMessage(failure: Failure): Message {
  return { ...words(failure), exitCode: exitCode.badInput };
}

function words(failure: Failure): Omit<Message, "exitCode"> {
  switch (failure.reason) {
    case "context-missing":
      return { text: `there is no build context ${failure.contextDir}` };
    case "context-not-a-directory":
      return { text: `the build context ${failure.contextDir} is not a directory` };
    case "source-missing":
      return {
        text: `there is no ${failure.path} in the build context`,
        ...(failure.suggestion === undefined
          ? {}
          : { hint: `did you mean ${failure.suggestion}?` }),
      };
    case "leaves-context":
      return {
        text: `${failure.path} leaves the build context`,
        hint: "name a directory further up as the build context, the last argument of the command",
      };
    case "through-symlink":
      return {
        text: `${failure.path} leads through the symlink ${failure.link}, which may lead out of the build context`,
        hint: "name the real path",
      };
    case "not-a-directory":
      return { text: `${failure.file} is not a directory, so there is no ${failure.path}` };
    case "source-ignored":
      return {
        text: `${failure.path} is left out by the build context's ${failure.ignoreFile}`,
        hint: `change the rule there, or add the line !/${failure.path} after it`,
      };
    case "ignore-file-unusable":
      return { text: `the build context's ${failure.path} cannot be used: ${failure.why}` };
    case "unsupported-file-type":
      return {
        text: `${failure.path} is a ${failure.type}, which cannot be copied`,
        hint: "leave it out with `exclude` or in .vmbuildignore",
      };
    case "unreadable":
      return { text: `${failure.path} cannot be read (${failure.code})` };
    case "not-utf8":
      return {
        text: `the ${failure.what === "name" ? "name" : "link text"} of ${failure.path} is not UTF-8`,
        hint: "rename it, or leave it out with `exclude` or in .vmbuildignore",
      };
    case "changed-while-read":
      return {
        text: `${failure.path} changed while the build read it`,
        hint: "build again when nothing writes to the build context",
      };
  }
}
