import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { bootMode, VmRig } from "./vm-rig.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The layer `(from busybox)` of a store, with a machine that has booted it unless the suite is cold. */
    readonly bootedLayer: string;
  }
}

/** Boots busybox once for all tests that are not about that. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const rig = await VmRig.create({ fresh: true });
  try {
    await rig.built(bootMode === "cold" ? "" : `(run (shell "true"))`);
    for (const id of await rig.entries("result")) {
      const layer = join(rig.store, "result", id);
      const { op } = JSON.parse(await readFile(join(layer, "layer.json"), "utf8"));
      if (op === "from") project.provide("bootedLayer", layer);
    }
  } catch (error) {
    await rig[Symbol.asyncDispose]();
    throw error;
  }
  return () => rig[Symbol.asyncDispose]();
}
