/** A script as a task of cloud-init's. */
import type { WishedFile } from "./cloud-config.ts";
import { taskStatusPath } from "./reporter.ts";

/** The virtio-serial port over which a guest sends what its task prints. */
export const taskPort = "vmbuild.task";

const dir = "/var/lib/vmbuild-task";

/** What a cloud-config has to have for a script to be run. */
export interface ScriptTask {
  readonly files: readonly WishedFile[];
  /** The command that runs it, to be the last. */
  readonly run: string;
}

/**
 * Runs a script as root in `/`, with nothing to read. What it prints goes to the task's port, or to the console of a
 * machine that has none, and its exit status into the report: cloud-init itself is not told of a failure, which is none of
 * its own.
 */
export function scriptTask(script: Uint8Array): ScriptTask {
  return {
    files: [
      { path: `${dir}/script`, content: script, mode: "0700" },
      { path: `${dir}/run`, content: Buffer.from(wrapper), mode: "0700" },
    ],
    run: `/bin/sh ${dir}/run`,
  };
}

const wrapper = String.raw`#!/bin/sh
output=/dev/console
for port in /sys/class/virtio-ports/*; do
  read -r name <"$port/name" || continue
  if [ "$name" = ${taskPort} ]; then output=/dev/$(basename "$port"); fi
done 2>/dev/null
cd /
export HOME=/root USER=root LOGNAME=root
${dir}/script </dev/null >"$output" 2>&1
echo $? >${taskStatusPath}
rm -rf ${dir}
`;
