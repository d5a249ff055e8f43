import { expect, test } from "vitest";
import { machineEnd } from "./machine-end.ts";

const clean = { exitCode: 0, stderr: "" };
const killed = { signal: "SIGKILL", stderr: "" };

test.each([
  ["the guest powered off", clean, "guest-shutdown", false, "guest-shutdown"],
  ["the guest rebooted", clean, "guest-reset", false, "guest-reset"],
  ["the guest panicked", clean, "guest-panic", false, "guest-panic"],
  ["the guest powered off before we killed it", killed, "guest-shutdown", true, "guest-shutdown"],
  [
    "QEMU crashed while the guest powered off",
    { signal: "SIGSEGV", stderr: "" },
    "guest-shutdown",
    false,
    "crashed",
  ],
  [
    "QEMU failed to close its disk",
    { exitCode: 1, stderr: "" },
    "guest-shutdown",
    false,
    "crashed",
  ],
  ["we killed it", killed, undefined, true, "killed"],
  ["we told it to quit", clean, "host-qmp-quit", true, "killed"],
  ["somebody killed it", killed, undefined, false, "killed"],
  ["somebody asked it to end", clean, "host-signal", false, "killed"],
  ["it ended for no known reason", clean, undefined, false, "crashed"],
  ["it aborted", { signal: "SIGABRT", stderr: "" }, undefined, false, "crashed"],
] as const)("%s", (_name, end, shutdownCause, ordered, reason) => {
  expect(machineEnd(end, { shutdownCause, ordered, diskFull: false })).toEqual({ reason, ...end });
});

test("a full disk is why, whatever came of it", () => {
  expect(
    machineEnd(killed, { shutdownCause: "guest-shutdown", ordered: true, diskFull: true }),
  ).toEqual({
    reason: "disk-full",
    ...killed,
  });
});
