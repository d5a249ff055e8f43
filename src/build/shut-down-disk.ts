import { ok, type Result } from "../result.ts";
import type { Layer } from "../store/store.ts";
import type { BuildEnvironment } from "./environment.ts";
import type { StepFailure } from "./failure.ts";

/**
 * Gives `use` the path of a disk with what the layer holds and with clean filesystems, as it may leave the
 * store. The disk of a guest that was not shut down is: on an overlay that is thrown away when `use` has
 * ended, so that the layer stays as it is.
 */
export async function withShutDownDisk<T>(
  layer: Layer,
  env: BuildEnvironment,
  signal: AbortSignal,
  use: (diskPath: string) => Promise<T>,
): Promise<Result<T, StepFailure>> {
  const { id, metadata, diskPath, suspendedDir } = layer;
  if (metadata.running !== true) return ok(await use(diskPath));
  const staged = await env.store.stage({ id, base: { kind: "layer", id }, signal });
  if (!staged.ok) return staged;
  await using stage = staged.value;
  const profile = env.bases.bootableProfile(metadata.profile);
  const resources = await env.resources(profile, signal);
  if (!resources.ok) return resources;
  const off = await env.sandbox.shutDown(
    {
      profile,
      resources: resources.value,
      diskPath: stage.diskPath,
      serialLogPath: stage.serialLogPath,
      suspendedDir,
      workDir: stage.workDir,
    },
    { signal, onMachine: async (pid) => void (await stage.machineStarted(pid)) },
  );
  return off.ok ? ok(await use(stage.diskPath)) : off;
}
