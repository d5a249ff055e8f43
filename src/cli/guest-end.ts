import type { MachineEnd } from "../machine/machine.ts";
import { exitCode } from "./exit-code.ts";
import { userError } from "./or-throw.ts";
import { UserError } from "./user-error.ts";

/** The error that the end of a guest's machine is; undefined for one in good order: the guest's own or its user's. */
export function guestEndError(end: MachineEnd, diskPath: string): UserError | undefined {
  switch (end.reason) {
    case "guest-shutdown":
    case "guest-reset":
      return undefined;
    case "guest-panic":
      return new UserError("the guest's kernel panicked", { exitCode: exitCode.guest });
    case "disk-full":
      return userError({ reason: "disk-full", path: diskPath });
    case "killed":
    case "crashed": {
      // Somebody told QEMU to quit, at its own monitor.
      if (end.reason === "killed" && end.exitCode === 0) return undefined;
      const how =
        end.signal === undefined ? `with status ${end.exitCode ?? "unknown"}` : `by ${end.signal}`;
      return new UserError(`QEMU ended ${how}`, {
        exitCode: exitCode.host,
        ...(end.stderr === "" ? {} : { detail: end.stderr }),
      });
    }
  }
}
