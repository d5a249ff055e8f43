import { join } from "node:path";
import { overlay } from "./bare-qemu.mjs";
import { timed } from "./process.mjs";

/** `virt-customize`: the steps in one appliance, which is not the guest's own system. */
export async function virtCustomize(rig, machine, steps) {
  const startedAt = performance.now();
  const disk = await overlay(rig, "virt-customize.qcow2", machine.disk);
  const { memoryBytes, cpus } = machine.profile;
  await timed(
    [
      "virt-customize",
      "--no-network",
      `--add=${disk}`,
      `--memsize=${memoryBytes / 1024 ** 2}`,
      `--smp=${cpus}`,
      ...steps.flatMap(({ run, copy }) =>
        copy === undefined ? ["--run-command", run] : ["--copy-in", `${join(rig.dir, copy)}:/`],
      ),
    ],
    {
      env: {
        ...process.env,
        // Here it also keeps its appliance.
        TMPDIR: rig.dir,
        LIBGUESTFS_BACKEND: "direct",
        LIBGUESTFS_BACKEND_SETTINGS: rig.accelerator === "tcg" ? "force_tcg" : "",
      },
    },
  );
  return performance.now() - startedAt;
}
