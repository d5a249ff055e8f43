import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { timed, vmbuild } from "./process.mjs";

/**
 * What the measures share: a private store in `dir` with `busybox` and `base`, which are made in the
 * checkout's store when missing, and what every contestant is to use.
 */
export async function prepareRig(dir, { base, accelerator }) {
  const shared = resolve(process.env.VMBUILD_STORE ?? ".vmbuild/store");
  for (const name of new Set(["busybox", base])) {
    await vmbuild({ dir: process.cwd(), store: shared, accelerator }, [
      "base",
      "build",
      name,
      "--if-missing",
    ]);
  }
  const rig = { dir, store: join(dir, "store"), base, accelerator, specs: 0 };
  for (const part of ["state", "result"]) {
    mkdirSync(join(rig.store, part), { recursive: true, mode: 0o700 });
  }
  for (const part of ["base-image", "state/ssh"]) {
    await timed(["cp", "-a", "--reflink=auto", join(shared, part), join(rig.store, part)]);
  }
  return rig;
}

/** Writes a spec and gives its path. */
export function putSpec(rig, name, ops, base = "busybox") {
  writeFileSync(join(rig.dir, name), `((from ${base})\n${ops})\n`);
  return name;
}

/** Writes a spec with a nested build for each command, and gives its path. */
export function putStages(rig, name, commands) {
  const stages = commands.map(
    (command, stage) => `(build stage${stage} ((from ${rig.base}) (run (shell "${command}"))))`,
  );
  writeFileSync(join(rig.dir, name), `(${stages.join("\n")}\n(from ${rig.base}))\n`);
  return name;
}

/** Removes every layer but those of `from`. */
export function forget(rig) {
  const results = join(rig.store, "result");
  for (const id of readdirSync(results)) {
    const { op } = JSON.parse(readFileSync(join(results, id, "layer.json"), "utf8"));
    if (op !== "from") rmSync(join(results, id), { recursive: true, force: true });
  }
}
