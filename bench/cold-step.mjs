import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { timed, vmbuild } from "./process.mjs";
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
  const scripted = await machineOf(rig, await buildLayer(rig, "prepare.spec", prepare));
  const initOnly = await machineOf(rig, await buildLayer(rig, "floor.spec", floor));
  const times = { vmbuild: [], alone: [], script: [] };
  for (let run = 0; run < runs; run++) {
    times.alone.push(await qemuAlone(rig, initOnly));
    times.script.push(await bareScript(rig, scripted));
    // A command of its own every time, so that the step is never cached.
    const spec = putSpec(rig, "step.spec", `${prepare}\n(run (shell "${command}; : ${run}"))`);
    times.vmbuild.push((await vmbuild(rig, ["build", "-f", spec])).ms);
  }
  const step = median(times.vmbuild);
  const script = median(times.script);
  const alone = median(times.alone);
  return [
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
}

async function buildLayer(rig, name, ops) {
  const { stdout } = await vmbuild(rig, ["build", "-f", putSpec(rig, name, ops)]);
  return stdout.trim();
}

/** How the layer's machine is started, from what `vmbuild show` tells. */
async function machineOf(rig, layer) {
  const { stdout } = await vmbuild(rig, ["show", layer]);
  const shown = Object.fromEntries(
    stdout
      .trim()
      .split("\n")
      .map((line) => [line.split(/\s+/, 1)[0], line.replace(/^\S+\s+/, "")]),
  );
  const { profile } = JSON.parse(
    readFileSync(join(rig.store, "result", layer, "layer.json"), "utf8"),
  );
  return { ...shown, disk: join(rig.store, "result", layer, "rootfs", "image.qcow2"), profile };
}

async function qemuArgv(rig, { disk, kernel, initrd, append, profile }) {
  const overlay = join(rig.dir, "floor.qcow2");
  await timed(["qemu-img", "create", "-q", "-f", "qcow2", "-b", disk, "-F", "qcow2", overlay]);
  return [
    "qemu-system-x86_64",
    "-M",
    profile.machine,
    "-accel",
    "tcg,thread=multi",
    "-cpu",
    "max",
    "-m",
    String(profile.memoryBytes / 1024 ** 2),
    "-smp",
    String(profile.cpus),
    "-nodefaults",
    "-no-user-config",
    "-display",
    "none",
    "-vga",
    "none",
    "-no-reboot",
    "-serial",
    `file:${join(rig.dir, "floor.log")}`,
    "-kernel",
    kernel,
    "-initrd",
    initrd,
    "-append",
    append,
    "-drive",
    `file=${overlay},format=qcow2,if=none,id=disk,cache=unsafe`,
    "-device",
    "virtio-blk-pci,drive=disk",
    "-device",
    "virtio-rng-pci",
  ];
}

async function qemuAlone(rig, machine) {
  const startedAt = performance.now();
  const argv = await qemuArgv(rig, machine);
  await timed([...argv, "-nic", "none"]);
  return performance.now() - startedAt;
}

async function bareScript(rig, machine) {
  const startedAt = performance.now();
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  const argv = await qemuArgv(rig, machine);
  const [program, ...args] = [
    ...argv,
    "-netdev",
    `user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:${port}-:22`,
    "-device",
    "virtio-net-pci,netdev=net,romfile=",
    "-monitor",
    "stdio",
  ];
  const qemu = spawn(program, args, { stdio: ["pipe", "ignore", "inherit"] });
  const ended = once(qemu, "close");
  const ssh = `ssh -p ${port} -i ${rig.store}/state/ssh/id_ed25519 -o BatchMode=yes -o ConnectTimeout=20 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=QUIET root@127.0.0.1`;
  await timed(["sh", "-c", `until ${ssh} '${command}; sync'; do sleep 0.05; done`]);
  qemu.stdin.write("system_powerdown\n");
  await ended;
  return performance.now() - startedAt;
}
