import { expect, test } from "vitest";
import { BuildRig } from "../../test/support/build-rig.ts";
import type { StepFailure } from "./failure.ts";
import { failureRecord, sharedFailure } from "./shared-failure.ts";

const step = (await planned()).steps.at(-1);
if (step === undefined) throw new Error("there must be a step");

const shared: readonly StepFailure[] = [
  { reason: "command-failed", exitCode: 3 },
  { reason: "command-failed", signal: "KILL" },
  { reason: "command-timed-out", timeoutMs: 10_000 },
  { reason: "guest-setup-failed", message: "no account", hint: "check" },
  { reason: "copy-failed", message: "no space in the guest" },
];

test.each(shared)("$reason is the step's own, and comes through whole", (failure) => {
  const kept = { pid: 12, sshCommand: "ssh -p 1 root@127.0.0.1" };
  for (const told of [{ failure }, { failure, kept }]) {
    const record: unknown = JSON.parse(JSON.stringify(failureRecord(told)));
    expect(sharedFailure(record, step, false)).toEqual(told);
  }
});

const own: readonly StepFailure[] = [
  { reason: "cancelled" },
  { reason: "disk-full", path: "/store" },
  { reason: "boot-timeout", timeoutMs: 1, serialTail: "" },
  { reason: "connection-lost", cause: "guest-reset", message: "", serialTail: "" },
  { reason: "program-missing", program: "qemu-img", debianPackage: "qemu-utils" },
];

test.each(own)("$reason is the builder's affair", (failure) => {
  expect(failureRecord({ failure })).toBeUndefined();
  expect(sharedFailure({ failure }, step, false)).toBeUndefined();
});

test.each([
  ["nothing", null],
  ["text", "command-failed"],
  ["a reason of a later version", { failure: { reason: "command-refused" } }],
  ["a field that is missing", { failure: { reason: "copy-failed" } }],
  ["a field of another type", { failure: { reason: "command-timed-out", timeoutMs: "10" } }],
])("%s is no failure to take over", (_, record) => {
  expect(sharedFailure(record, step, false)).toBeUndefined();
});

test("a machine is there to look into, or the step is run for one", () => {
  const failure = { reason: "command-failed", exitCode: 3 } as const;
  const kept = { pid: 12, sshCommand: "ssh" };
  expect(sharedFailure({ failure }, step, true)).toBeUndefined();
  expect(sharedFailure({ failure, kept }, step, true)).toEqual({ failure, kept });
});

async function planned() {
  await using rig = await BuildRig.create();
  return rig.plan(`((from tiny) (run (timeout 10s) (shell "x")))`);
}
