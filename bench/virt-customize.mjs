import { join } from "node:path";
import { overlay } from "./bare-qemu.mjs";
import { timed } from "./process.mjs";

/** `virt-customize`: the steps in one appliance, which is not the guest's own system. */
export async function virtCustomize(rig, machine, steps) {
  const startedAt = performance.now();
  const { memoryBytes, cpus } = machine.profile;
  await customizeOverlay(rig, machine.disk, [
    `--memsize=${memoryBytes / 1024 ** 2}`,
    `--smp=${cpus}`,
    ...steps.flatMap(({ run, copy }) =>
      copy === undefined ? ["--run-command", run] : ["--copy-in", `${join(rig.dir, copy)}:/`],
    ),
  ]);
  return performance.now() - startedAt;
}

/** `virt-customize` with these operations, on an overlay of the disk. */
export async function customizeOverlay(rig, disk, operations) {
  const added = await overlay(rig, "virt-customize.qcow2", disk);
  return timed(["virt-customize", "--no-network", `--add=${added}`, ...operations], {
    env: {
      ...process.env,
      // Here it also keeps its appliance.
      TMPDIR: rig.dir,
      LIBGUESTFS_BACKEND: "direct",
      LIBGUESTFS_BACKEND_SETTINGS: rig.accelerator === "tcg" ? "force_tcg" : "",
    },
  });
}
