import { readdirSync } from "node:fs";
import { join } from "node:path";
import { buildAll } from "./build.mjs";
import { machinesOf, runningCount, until, vmbuild } from "./processes.mjs";

/** How long the kernel may take for a killed machine's memory. */
const goneMs = 10_000;

/** When the storm is over: nothing runs, nothing is wrong, and every spec builds at once. */
export async function lookAfterwards(context, specs, boot) {
  const { rig, tally } = context;
  if (!(await until(() => machinesOf(rig).length === 0, goneMs)))
    tally.find(
      `QEMU still runs: ${machinesOf(rig)
        .map(({ pid }) => pid)
        .join(", ")}`,
    );
  if (runningCount() > 0) tally.find(`${runningCount()} vmbuild processes still run`);
  await expectNothingWrong(context, "after the storm");
  await buildAll(context, specs, () => ({ boot }));
  await expectNothingWrong(context, "after the last builds");
  tally.layers += readdirSync(join(rig.store, "result")).length;
}

/** Opening the store clears away what the dead left; then there is nothing to be found. */
async function expectNothingWrong({ rig, tally }, when) {
  const opened = await vmbuild(rig, ["ls", "-q"]);
  if (opened.code !== 0) tally.find(`${when}: ls ended with ${opened.code}`, opened.stderr);
  const { code, stdout, stderr } = await vmbuild(rig, ["verify", "--json"]);
  if (code !== 0 && code !== 4) return tally.find(`${when}: verify ended with ${code}`, stderr);
  const { findings, inUse } = JSON.parse(stdout);
  for (const { text } of findings) tally.find(`${when}: ${text}`);
  for (const { path } of inUse) tally.find(`${when}: ${path} is in use though nothing runs`);
}
