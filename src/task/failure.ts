import type { ReportFailure } from "../cloudinit/read-report.ts";
import type { MachineFailure } from "../machine/failure.ts";

/** What can go wrong with a guest that cloud-init configures. */
export type TaskFailure =
  | MachineFailure
  /** As the guest told it, or did not; `serialTail` is the end of its console. */
  | (ReportFailure & { readonly serialTail?: string });
