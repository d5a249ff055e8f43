import type { PortForward } from "../machine/qemu-network.ts";
import type { GuestArch } from "../profile/profile.ts";
import { exitCode } from "./exit-code.ts";
import { UserError } from "./user-error.ts";

/** One more `--forward HOST:GUEST`; `:GUEST` lets a port of the host be chosen. @throws UserError */
export function readForward(
  text: string,
  earlier: readonly PortForward[] | undefined,
): readonly PortForward[] {
  const [, host, guest] = /^(\d*):(\d+)$/.exec(text) ?? [];
  const guestPort = portOf(guest);
  const hostPort = host === "" ? undefined : portOf(host);
  if (guestPort === undefined || (host !== "" && hostPort === undefined)) {
    throw new UserError(`--forward: ${JSON.stringify(text)} is not HOST:GUEST`, {
      exitCode: exitCode.usage,
      hint: "two TCP ports from 1 to 65535, such as 8080:80; or :80, for any free port of the host",
    });
  }
  if (hostPort !== undefined && earlier?.some((other) => other.hostPort === hostPort)) {
    throw new UserError(`--forward: port ${hostPort} of the host is there twice`, {
      exitCode: exitCode.usage,
    });
  }
  return [...(earlier ?? []), { guestPort, ...(hostPort === undefined ? {} : { hostPort }) }];
}

function portOf(text: string | undefined): number | undefined {
  const port = Number(text);
  return Number.isInteger(port) && port >= 1 && port <= 65_535 ? port : undefined;
}

/** An architecture by one of its names. @throws UserError */
export function readArch(text: string): GuestArch {
  switch (text) {
    case "x86_64":
    case "amd64":
    case "x86-64":
      return "x86_64";
    case "aarch64":
    case "arm64":
      return "aarch64";
    default:
      throw new UserError(`--arch: ${JSON.stringify(text)} is not x86_64 or aarch64`, {
        exitCode: exitCode.usage,
      });
  }
}
