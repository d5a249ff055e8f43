/** What is done to builds while they run, and to their store. */
import { delay, machinesOf, signal, vmbuild } from "./processes.mjs";

const ways = [
  ["SIGKILL", 4],
  ["kill -9 of QEMU", 4],
  ["both", 2],
  ["SIGINT", 1],
  ["SIGTERM", 1],
].flatMap(([way, weight]) => Array.from({ length: weight }, () => way));

/** Disturbs one build after the other until there were `kills`, or the context has stopped. */
export async function disturb(context, random, kills) {
  const { rig, tally, live } = context;
  while (tally.killCount < kills && !context.isStopped()) {
    await delay(random.int(50, context.pauseMs));
    const way = random.pick(ways);
    const builds = [...live].filter(({ disturbed }) => disturbed === "");
    if (builds.length === 0) continue;
    const build = random.pick(builds);
    const machine = machinesOf(rig).find(({ parent }) => parent === build.pid);
    if (way === "kill -9 of QEMU" || way === "both") {
      if (machine === undefined) continue;
      build.disturbed = way === "both" ? "SIGKILL" : way;
      signal(machine.pid, "SIGKILL");
      if (way === "both") build.run.child.kill("SIGKILL");
      tally.count(tally.kills, way === "both" ? "SIGKILL of both" : "SIGKILL of QEMU");
    } else {
      build.disturbed = way;
      build.run.child.kill(way);
      tally.count(tally.kills, `${way} of vmbuild`);
    }
  }
}

/** Removes layers and caches, prunes, and verifies, until the context has stopped. */
export async function keepUp(context, random) {
  const works = [deleteLayer, removeCache, prune, verify];
  while (!context.isStopped()) {
    await delay(random.int(1000, 6000));
    if (context.isStopped()) return;
    await random.pick(works)(context, random);
  }
}

/** One layer with what is built on it; what others build on is refused. */
async function deleteLayer(context, random) {
  const { rig, tally } = context;
  const { stdout } = await vmbuild(rig, ["ls", "-q"]);
  const ids = stdout.trim().split("\n").filter(Boolean);
  if (ids.length === 0) return;
  context.deletions++;
  const { code, stderr } = await vmbuild(rig, ["delete", "-r", random.pick(ids)]);
  if (code !== 0 && code !== 3) tally.find(`delete ended with ${code}`, stderr);
  tally.count(tally.upkeep, code === 0 ? "deletions" : "deletions refused");
}

async function removeCache({ rig, tally }, random) {
  const { code, stderr } = await vmbuild(rig, [
    "cache",
    "rm",
    random.pick(["stress-a", "stress-b"]),
  ]);
  if (code !== 0 && code !== 3) tally.find(`cache rm ended with ${code}`, stderr);
  tally.count(tally.upkeep, "caches removed");
}

/** Everything that is not in use, or what has not been for some seconds. */
async function prune(context, random) {
  const { rig, tally } = context;
  const flags = random.chance(0.5) ? ["--keep", "1K", "--caches"] : ["--older-than", "5s"];
  context.deletions++;
  const { code, stderr } = await vmbuild(rig, ["prune", ...flags]);
  if (code !== 0) tally.find(`prune ${flags.join(" ")} ended with ${code}`, stderr);
  tally.count(tally.upkeep, "runs of prune");
}

/** In the middle of it all, only what dead processes left may be wrong. */
async function verify({ rig, tally }) {
  const { stdout, stderr, code } = await vmbuild(rig, ["verify", "--json", "--quick"]);
  tally.count(tally.upkeep, "verifications");
  if (code !== 0 && code !== 4) return tally.find(`verify ended with ${code}`, stderr);
  for (const { reason, text } of JSON.parse(stdout).findings) {
    if (reason !== "left-over" && reason !== "machine-orphaned") tally.find(`verify: ${text}`);
  }
}
