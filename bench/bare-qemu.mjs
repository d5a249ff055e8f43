import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { start, timed, vmbuild } from "./process.mjs";
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

/** An empty layer on a disk. */
export async function overlay(rig, name, backing) {
  const path = join(rig.dir, name);
  await timed(["qemu-img", "create", "-q", "-f", "qcow2", "-b", backing, "-F", "qcow2", path]);
  return path;
}

function qemuArgv(rig, { kernel, initrd, append, profile, cpu = "max,-erms,-fsrm" }, disk) {
  return [
    "qemu-system-x86_64",
    "-M",
    profile.machine,
    "-accel",
    rig.accelerator,
    "-cpu",
    cpu,
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
    `file=${disk},format=qcow2,if=none,id=disk,cache=unsafe`,
    "-device",
    "virtio-blk-pci,drive=disk",
    "-device",
    "virtio-rng-pci",
  ];
}

/** QEMU until the guest powers itself off, with no network; milliseconds. */
export async function qemuAlone(rig, machine) {
  const startedAt = performance.now();
  const disk = await overlay(rig, "alone.qcow2", machine.disk);
  await timed([...qemuArgv(rig, machine, disk), "-nic", "none"]);
  return performance.now() - startedAt;
}

/**
 * A machine on `disk`, as a script has it: `ssh(command, inputPath)` tries until the guest lets it in,
 * `powerOff()` presses the power button and waits for QEMU's end.
 */
export function bootBare(rig, machine, disk) {
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  const qemu = start(
    [
      ...qemuArgv(rig, machine, disk),
      "-netdev",
      `user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:${port}-:22`,
      "-device",
      "virtio-net-pci,netdev=net,romfile=",
      "-monitor",
      "stdio",
    ],
    { stdio: ["pipe", "ignore", "inherit"] },
  );
  const ended = once(qemu, "close");
  const options = {
    BatchMode: "yes",
    // A connection made before the guest has a network is not answered later on: try again soon.
    ConnectTimeout: "3",
    StrictHostKeyChecking: "no",
    UserKnownHostsFile: "/dev/null",
    LogLevel: "QUIET",
  };
  const ssh = [
    "ssh",
    `-p${port}`,
    `-i${join(rig.store, "state/ssh/id_ed25519")}`,
    ...Object.entries(options).flatMap(([key, value]) => ["-o", `${key}=${value}`]),
    "root@127.0.0.1",
  ];
  return {
    sshArgv: ssh,
    async ssh(command, inputPath = "/dev/null") {
      for (;;) {
        const input = openSync(inputPath);
        try {
          return await timed([...ssh, command], { stdio: [input, "pipe", "pipe"] });
        } catch (error) {
          if (qemu.exitCode !== null || !error.message.includes(" ended with 255:")) throw error;
          await delay(50);
        } finally {
          closeSync(input);
        }
      }
    },
    async powerOff() {
      qemu.stdin.write("system_powerdown\n");
      await ended;
    },
  };
}

/** What a script does: QEMU, `ssh` until it answers, the command, the power button; milliseconds. */
export async function bareScript(rig, machine, command) {
  const startedAt = performance.now();
  const bare = bootBare(rig, machine, await overlay(rig, "script.qcow2", machine.disk));
  await bare.ssh(`${command}; sync`);
  await bare.powerOff();
  return performance.now() - startedAt;
}

/**
 * What OBuilder's QEMU store does: for every step an overlay on the one before, booted, worked in over SSH
 * and powered off. Without its fixed wait of five seconds. Gives the milliseconds of each.
 */
export async function bootPerStep(rig, machine, steps) {
  const times = [];
  let { disk } = machine;
  for (const [index, { command, input }] of steps.entries()) {
    const startedAt = performance.now();
    disk = await overlay(rig, `step-${index}.qcow2`, disk);
    const bare = bootBare(rig, machine, disk);
    await bare.ssh(`${command}; sync`, input);
    await bare.powerOff();
    times.push(performance.now() - startedAt);
  }
  return times;
}
