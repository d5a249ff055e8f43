import { vmbuild } from "./process.mjs";
import { forget, putSpec } from "./store.mjs";

/**
 * Builds `ops` on the base image that was chosen. Gives the layer's id, the wall time of the whole
 * process, and the events of `--progress json`, each with `at`, the milliseconds since that process was
 * started. `onEvent` gets them as they come; `flags` are further ones of the command.
 */
export async function build(rig, ops, { boot = "warm", onEvent, flags = [] } = {}) {
  const name = `build-${rig.specs++}.spec`;
  const argv = [
    "build",
    "-f",
    putSpec(rig, name, ops, rig.base),
    "--progress",
    "json",
    ...flags,
    ".",
  ];
  const events = [];
  const startedAt = performance.now();
  let rest = "";
  const { ms, stdout } = await vmbuild(rig, argv, {
    boot,
    onErrorOutput: (chunk) => {
      const at = performance.now() - startedAt;
      const lines = `${rest}${chunk}`.split("\n");
      rest = lines.pop();
      // Node's own warnings come this way too.
      for (const line of lines.filter((line) => line.startsWith("{"))) {
        const event = { ...JSON.parse(line), at };
        events.push(event);
        onEvent?.(event);
      }
    },
  });
  return { ms, layer: stdout.trim(), events };
}

/** Leaves the store as after an earlier build with `flags`: the base image imported, with its suspended machine. */
export async function usedBase(rig, flags = []) {
  forget(rig);
  await build(rig, `(run (shell "true"))`, { flags });
  forget(rig);
}

/** When the first output of a command arrived. */
export function firstOutputAt({ events }) {
  return events.find(({ event, replayed }) => event === "step-output" && !replayed).at;
}
