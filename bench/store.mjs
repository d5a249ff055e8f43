import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { timed, vmbuild } from "./process.mjs";

/** A private store with the busybox base image, which is made in the checkout's store when missing. */
export async function prepareStore(dir, base) {
  const shared = resolve(process.env.VMBUILD_STORE ?? ".vmbuild/store");
  await vmbuild({ dir: process.cwd(), store: shared }, [
    "base",
    "build",
    "busybox",
    "--if-missing",
  ]);
  if (base !== "busybox") {
    await vmbuild({ dir: process.cwd(), store: shared }, ["base", "build", base, "--if-missing"]);
  }
  const rig = { dir, store: join(dir, "store") };
  mkdirSync(join(rig.store, "state"), { recursive: true, mode: 0o700 });
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
