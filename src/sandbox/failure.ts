import type { ContextFailure } from "../context/failure.ts";
import type { MachineFailure } from "../machine/failure.ts";

/** What can go wrong between the start of a machine and the end of its task. */
export type SandboxFailure =
  | MachineFailure
  | ContextFailure
  /** The command ended with something other than 0. */
  | { readonly reason: "command-failed"; readonly exitCode?: number; readonly signal?: string }
  | { readonly reason: "command-timed-out"; readonly timeoutMs: number }
  /** The guest could not do what comes before a command: working directory, account, becoming root. */
  | { readonly reason: "guest-setup-failed"; readonly message: string; readonly hint: string }
  | { readonly reason: "copy-failed"; readonly message: string }
  | {
      readonly reason: "secret-failed";
      readonly secret: string;
      readonly target: string;
      readonly message: string;
    }
  | {
      readonly reason: "cache-failed";
      readonly cache: string;
      readonly target: string;
      readonly message: string;
    };

/** What can go wrong when files are taken out of a guest. */
export type ReadFailure =
  | SandboxFailure
  /** There is nothing at `path`, absolute in the guest. */
  | { readonly reason: "path-missing"; readonly path: string }
  /** The guest's tar failed; `message` is what it said. */
  | { readonly reason: "read-failed"; readonly message: string };
