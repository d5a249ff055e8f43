import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bareScript, builtMachine } from "./bare-qemu.mjs";
import { vmbuild } from "./process.mjs";
import { putSpec } from "./store.mjs";
import { median, seconds } from "./table.mjs";

/**
 * Four small `run` and one `copy`, as in the comparison of `docs/performance.md`: cold, warm, and a
 * script that boots, runs and powers off for every step as OBuilder does.
 */
export async function chain(rig, runs, base) {
  writeFileSync(join(rig.dir, "copied"), "copied\n");
  const steps = (last) =>
    `(run (shell "echo one > /one; sync")) (run (shell "echo two > /two; sync"))
     (copy (src copied) (dst /copied))
     (run (shell "echo three > /three; sync")) (run (shell "echo ${last} > /four; sync"))`;
  const machine = await builtMachine(rig, "base.spec", "", base);
  const times = { script: [], cold: [], coldLast: [], warm: [], warmLast: [] };
  for (let run = 0; run < runs; run++) {
    times.script.push(await bareScript(rig, machine, "echo one > /one"));
    for (const boot of ["cold", "warm"]) {
      forget(rig);
      // What is measured is a build on a base that was used before.
      const first = putSpec(rig, "first.spec", `(run (shell "echo ${boot}"))`, base);
      await vmbuild(rig, ["build", "-f", first], { boot });
      const build = async (last) => {
        const argv = ["build", "-f", putSpec(rig, "chain.spec", steps(last), base), "."];
        return (await vmbuild(rig, argv, { boot })).ms;
      };
      times[boot].push(await build("four"));
      times[`${boot}Last`].push(await build("changed"));
    }
  }
  const perStep = median(times.script);
  const row = (what, measured, against, reference, target) => ({
    what: `${base}: ${what}`,
    measured: seconds(measured),
    against: `${against}: ${seconds(reference)}`,
    ratio: (measured / reference).toFixed(3),
    ...(target === undefined
      ? {}
      : { target: target.toFixed(3), met: measured / reference <= target }),
  });
  const script = "boot, run, power off for each step";
  return [
    row("five steps, cold", median(times.cold), script, perStep * 5),
    row("five steps, warm", median(times.warm), script, perStep * 5, 1 / 30),
    row("last step changed, cold", median(times.coldLast), script, perStep),
    row("last step changed, warm", median(times.warmLast), script, perStep, 1 / 12),
  ];
}

/** Removes every layer but those of `from`. */
function forget(rig) {
  const results = join(rig.store, "result");
  for (const id of readdirSync(results)) {
    const { op } = JSON.parse(readFileSync(join(results, id, "layer.json"), "utf8"));
    if (op !== "from") rmSync(join(results, id), { recursive: true, force: true });
  }
}
