import type { StepFailure } from "../../build/failure.ts";
import { contextMessage } from "./context-message.ts";
import { exitCode } from "../exit-code.ts";
import { imageMessage } from "./image-message.ts";
import { machineMessage } from "./machine-message.ts";
import type { Message } from "./message.ts";
import { storeMessage } from "./store-message.ts";
import { duration } from "./units.ts";

/**
 * Any failure in words: the one place where failures become text. What happened is told on one line, also
 * when a program told it on several.
 */
export function failureMessage(failure: StepFailure): Message {
  const message = words(failure);
  return { ...message, text: message.text.trim().replaceAll(/\s*\n\s*/g, "; ") };
}

function words(failure: StepFailure): Message {
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
    case "profile-invalid":
    case "export-target-unusable":
    case "export-failed":
      return imageMessage(failure);
    default:
      return contextMessage(failure);
  }
}
