import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const sharedStore = resolve(process.env.VMBUILD_STORE ?? ".vmbuild/store");

/** A private store in `dir` with a copy of the busybox that the checkout's store has. */
export function prepareRig(dir, { accelerator, memory }) {
  const rig = {
    dir,
    store: join(dir, "store"),
    runtimeDir: join(dir, "run"),
    accelerator,
    memory,
  };
  for (const part of ["run", "store/base-image/sha256", "store/state"]) {
    mkdirSync(join(dir, part), { recursive: true, mode: 0o700 });
  }
  const profile = "base-image/busybox.toml";
  const text = readFileSync(join(sharedStore, profile), "utf8");
  const files = [...text.matchAll(/sha256\/[0-9a-f]{64}/g)].map(([file]) => `base-image/${file}`);
  for (const part of ["state/ssh", profile, ...files]) {
    run("cp", "-a", "--reflink=auto", join(sharedStore, part), join(rig.store, part));
  }
  return rig;
}

/** Runs a program that must succeed. */
export function run(program, ...args) {
  const { status, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} failed: ${error ?? stderr}`);
}
