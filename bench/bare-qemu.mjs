import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { timed, vmbuild } from "./process.mjs";
import { putSpec } from "./store.mjs";

/** Builds a spec of `ops` and gives how the result's machine is started, from what `vmbuild show` tells. */
export async function builtMachine(rig, name, ops, base) {
  const { stdout: built } = await vmbuild(rig, ["build", "-f", putSpec(rig, name, ops, base)]);
  const layer = built.trim();
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
    ...(profile.boot.kind === "kernel"
      ? ["-kernel", kernel, "-initrd", initrd, "-append", append]
      : []),
    "-drive",
    `file=${overlay},format=qcow2,if=none,id=disk,cache=unsafe`,
    "-device",
    "virtio-blk-pci,drive=disk",
    "-device",
    "virtio-rng-pci",
  ];
}

/** QEMU until the guest powers itself off, with no network; milliseconds. */
export async function qemuAlone(rig, machine) {
  const startedAt = performance.now();
  const argv = await qemuArgv(rig, machine);
  await timed([...argv, "-nic", "none"]);
  return performance.now() - startedAt;
}

/** What a script does: QEMU, `ssh` until it answers, the command, the power button; milliseconds. */
export async function bareScript(rig, machine, command) {
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
