import { bareScript, builtMachine, qemuAlone } from "./bare-qemu.mjs";
import { vmbuild } from "./process.mjs";
import { putSpec } from "./store.mjs";
import { median, seconds } from "./table.mjs";

const command = "echo measured > /root/measured";

/**
 * One cold step, against two floors measured in turn with it: QEMU alone, whose guest's init runs the
 * command and powers off; and a bare script that waits for SSH, runs the command, presses the power button.
 */
export async function coldStep(rig, runs) {
  const prepare = `(run (shell "true"))`;
  // The first floor's disk has the command in the place of the guest's init.
  const floor = `${prepare} (run (shell "printf '%s\\n' '#!/bin/sh' 'mount -t proc proc /proc' '${command}' 'sync' 'exec /usr/bin/busybox poweroff -f' > /floor && chmod +x /floor && ln -sf /floor /usr/sbin/init"))`;
  const scripted = await builtMachine(rig, "prepare.spec", prepare);
  const initOnly = await builtMachine(rig, "floor.spec", floor);
  const times = { vmbuild: [], alone: [], script: [] };
  for (let run = 0; run < runs; run++) {
    times.alone.push(await qemuAlone(rig, initOnly));
    times.script.push(await bareScript(rig, scripted, command));
    // A command of its own every time, so that the step is never cached.
    const spec = putSpec(rig, "step.spec", `${prepare}\n(run (shell "${command}; : ${run}"))`);
    times.vmbuild.push((await vmbuild(rig, ["build", "-f", spec])).ms);
  }
  const step = median(times.vmbuild);
  const script = median(times.script);
  const alone = median(times.alone);
  const rows = [
    {
      what: "one cold step",
      measured: seconds(step),
      against: `bare script with QEMU, ssh and the power button: ${seconds(script)}`,
      ratio: (step / script).toFixed(2),
      target: "1.3",
      met: step / script <= 1.3,
    },
    {
      what: "one cold step",
      measured: seconds(step),
      against: `QEMU alone, the command in init's place, no SSH: ${seconds(alone)}`,
      ratio: (step / alone).toFixed(2),
    },
  ];
  return { rows };
}
