import type { EditFailure } from "../../appliance/failure.ts";
import type { DownloadFailure } from "../../download/failure.ts";
import { knownNetworks, unknownNetworkText } from "../../spec/validate.ts";
import { contextMessage } from "./context-message.ts";
import { downloadMessage } from "./download-message.ts";
import { editMessage } from "./edit-message.ts";
import { exitCode } from "../exit-code.ts";
import { guestFilesMessage } from "./guest-files-message.ts";
import { imageMessage } from "./image-message.ts";
import { machineMessage } from "./machine-message.ts";
import type { Message } from "./message.ts";
import { storeMessage } from "./store-message.ts";
import { duration } from "./units.ts";

/** All that can go wrong, in any room. */
export type Failure = EditFailure | DownloadFailure;

/**
 * Any failure in words: the one place where failures become text. What happened is told on one line, also
 * when a program told it on several.
 */
export function failureMessage(failure: Failure): Message {
  const message = words(failure);
  return { ...message, text: message.text.trim().replaceAll(/\s*\n\s*/g, "; ") };
}

function words(failure: Failure): Message {
  switch (failure.reason) {
    case "command-failed":
      return {
        text:
          failure.signal === undefined
            ? `the command exited with status ${failure.exitCode}`
            : `the command was ended by SIG${failure.signal}`,
        exitCode: exitCode.commandFailed,
      };
    case "command-timed-out":
      return {
        text: `the command took longer than its timeout of ${duration(failure.timeoutMs)}`,
        exitCode: exitCode.commandFailed,
      };
    case "guest-setup-failed":
      return { text: failure.message, hint: failure.hint, exitCode: exitCode.guest };
    case "power-off-ignored":
      return {
        text: `the guest ignored its power button for ${duration(failure.timeoutMs)}, and what it wrote may not be on its disk`,
        hint: "raise `power-off-timeout` in the base image's profile if it was still shutting down",
        exitCode: exitCode.guest,
      };
    case "copy-failed":
      return {
        text: "the files could not be unpacked in the guest",
        detail: failure.message,
        exitCode: exitCode.guest,
      };
    case "cache-failed":
      return {
        text: `the cache ${failure.cache} could not be used at ${failure.target}`,
        detail: failure.message,
        exitCode: exitCode.guest,
      };
    case "guest-files":
      return guestFilesMessage(failure);
    case "secret-failed":
      return {
        text: `the secret ${failure.secret} could not be offered at ${failure.target}`,
        detail: failure.message,
        exitCode: exitCode.guest,
      };
    case "network-unknown":
      return {
        text: unknownNetworkText(failure.name),
        hint: knownNetworks,
        exitCode: exitCode.badInput,
      };
    case "secrets-missing":
      return secretsMissing(failure.ids);
    case "not-supported":
      return {
        text: `${failure.what} cannot be built yet`,
        hint: failure.hint,
        exitCode: exitCode.badInput,
      };
    case "program-missing":
      return {
        text: `${failure.program} is not installed`,
        hint: `sudo apt-get install ${failure.debianPackage}`,
        exitCode: exitCode.host,
      };
    case "cancelled":
      return { text: "cancelled", exitCode: exitCode.internal };
    case "store-unusable":
    case "disk-full":
    case "qemu-img-failed":
    case "disk-corrupt":
    case "layer-missing":
    case "id-unknown":
    case "id-ambiguous":
    case "layer-in-use":
    case "tag-invalid":
    case "disk-size-too-small":
      return storeMessage(failure);
    case "runtime-dir-unusable":
    case "qemu-failed":
    case "port-unusable":
    case "disk-in-use":
    case "socket-unusable":
    case "firmware-missing":
    case "firmware-unusable":
    case "boot-timeout":
    case "login-refused":
    case "host-key-mismatch":
    case "identity-unusable":
    case "connection-lost":
    case "monitor-failed":
      return machineMessage(failure);
    case "base-missing":
    case "base-name-invalid":
    case "base-ambiguous":
    case "base-unusable":
    case "base-digest-mismatch":
    case "base-changed":
    case "base-damaged":
    case "base-exists":
    case "base-name-is-tag":
    case "recipe-missing":
    case "recipe-failed":
    case "recipe-medium-unused":
    case "profile-invalid":
    case "export-target-unusable":
    case "export-failed":
    case "input-unusable":
    case "image-would-shrink":
    case "image-exists":
      return imageMessage(failure);
    case "download-failed":
    case "download-stalled":
    case "checksum-mismatch":
    case "source-unreadable":
      return downloadMessage(failure);
    case "image-unusable":
    case "no-system":
    case "several-systems":
    case "edit-input-unusable":
    case "edit-failed":
    case "edit-unfinished":
      return editMessage(failure);
    default:
      return contextMessage(failure);
  }
}

function secretsMissing(ids: readonly string[]): Message {
  const last = ids.at(-1) ?? "";
  const names = ids.length === 1 ? last : `${ids.slice(0, -1).join(", ")} and ${last}`;
  const flags = ids.map((id) => `--secret ${secretArgument(id)}`).join(" ");
  return {
    text: `the spec asks for the ${ids.length === 1 ? "secret" : "secrets"} ${names}, which ${ids.length === 1 ? "is" : "are"} not given`,
    hint: `add ${flags}; NAME=env:VARIABLE in the place of NAME:FILE takes one from the environment`,
    exitCode: exitCode.usage,
  };
}

/** As a shell takes it. */
function secretArgument(id: string): string {
  return /^[\w.-]+$/.test(id) ? `${id}:FILE` : `'${id.replaceAll("'", "'\\''")}:FILE'`;
}
