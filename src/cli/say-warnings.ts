import type { CloudInitReport } from "../cloudinit/read-report.ts";
import { printableTail } from "../machine/serial-tail.ts";
import type { StatusLine } from "./render/status-line.ts";

/** Tells what went wrong in a guest whose cloud-init is done all the same. */
export async function sayWarnings(
  { isDegraded, warnings }: CloudInitReport,
  status: StatusLine,
): Promise<void> {
  if (!isDegraded && warnings.length === 0) return;
  await status.print("warning: cloud-init is done, but not all of it went well (degraded)\n");
  for (const warning of warnings) await status.print(`  ${printableTail(warning)}\n`);
}
