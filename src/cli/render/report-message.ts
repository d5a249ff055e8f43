import type { TaskFailure } from "../../task/failure.ts";
import { exitCode } from "../exit-code.ts";
import type { Message } from "./message.ts";
import { duration } from "./units.ts";

type Failure = Extract<TaskFailure, { readonly reason: `cloud-init-${string}` }>;

/** Why a guest is not configured, in words. */
export function reportMessage(failure: Failure): Message {
  const { serialTail = "" } = failure;
  const onConsole = {
    detail:
      serialTail === ""
        ? "the guest wrote nothing to its serial console"
        : `the end of the guest's serial console:\n${serialTail}`,
  };
  switch (failure.reason) {
    case "cloud-init-failed": {
      const { errors, log } = failure;
      const detail = [
        ...errors,
        ...(log.trim() === "" ? [] : [`the end of its output:\n${log.trimEnd()}`]),
      ].join("\n");
      return {
        text: "cloud-init failed in the guest",
        ...(detail === "" ? {} : { detail }),
        exitCode: exitCode.commandFailed,
      };
    }
    case "cloud-init-silent":
      return {
        text: `nothing was heard of cloud-init within ${duration(failure.waitedMs)}`,
        ...onConsole,
        hint: "the image needs cloud-init, enabled and with the datasource NoCloud; if it only needs longer, give it more time with --boot-timeout",
        exitCode: exitCode.guest,
      };
    case "cloud-init-cut-off":
      return {
        text: failure.isStarted
          ? "the guest ended before cloud-init had"
          : "the guest ended before anything was heard of cloud-init",
        ...onConsole,
        exitCode: exitCode.guest,
      };
  }
}
