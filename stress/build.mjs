import { start, vmbuild } from "./processes.mjs";

/**
 * What a build of ours ends with after a signal: by it, in good order, or done before it came. One that has said
 * nothing yet need not listen yet either.
 */
const calmEnds = { SIGINT: [0, 130], SIGTERM: [0, 143] };
const atOnce = 3;
/** vmbuild's machine was killed: the step failed in the guest or on the host, or was done before. */
const machineEnds = new Set([0, 4, 5]);

/**
 * Builds a spec until it is built, begun again as often as it is disturbed. `live` has every build that runs, for
 * whoever disturbs. `mayFill` allows the disk to be full: then there may be no result.
 */
export async function buildSpec(context, spec, { boot, mayFill = false }) {
  const { rig, tally, live } = context;
  for (;;) {
    if (context.isStopped()) return;
    const deletionsBefore = context.deletions;
    const run = start(rig, ["build", "-f", spec.name, "--boot", boot, "--progress", "plain", "."]);
    /** `disturbed` is how, by whoever did. */
    const build = { run, pid: run.child.pid, disturbed: "" };
    live.add(build);
    const end = await run.ended;
    live.delete(build);
    const what = `build of ${spec.name}, ${boot}`;
    if (end.isStuck) {
      tally.find(`${what}: did not end`, end.stderr);
      return;
    }
    if (end.code === 0) {
      tally.builds++;
      await compare(context, spec, end.stdout.trim(), what);
      return;
    }
    if (mayFill && end.code === 4 && end.stderr.includes("the disk is full")) {
      tally.count(tally.upkeep, "builds on a full disk");
      return;
    }
    const isOvertaken =
      end.stderr.includes("there is no layer") && context.deletions > deletionsBefore;
    if (isOvertaken) tally.overtaken++;
    else if (!isExplained(build.disturbed, end)) {
      const cause = build.disturbed === "" ? "undisturbed" : `after ${build.disturbed}`;
      tally.find(`${what}, ${cause}: ended with ${end.signal ?? end.code}`, end.stderr);
      return;
    }
    tally.retries++;
  }
}

/** Builds every spec once, a few at a time. */
export async function buildAll(context, specs, optionsOf) {
  const queue = [...specs];
  const work = async () => {
    for (let spec = queue.shift(); spec !== undefined; spec = queue.shift())
      await buildSpec(context, spec, optionsOf());
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

/** Whether a build that was disturbed so may have ended so. */
function isExplained(disturbed, { code, signal, stderr }) {
  if (disturbed === "") return false;
  if (disturbed === "SIGKILL") return signal === "SIGKILL";
  if (disturbed === "kill -9 of QEMU") return machineEnds.has(code);
  return calmEnds[disturbed].includes(code) || (signal === disturbed && stderr === "");
}

/** Whether a layer's log, which its last step wrote, says what the spec says. */
async function compare(context, { expected }, id, what) {
  const { code, stdout, stderr } = await vmbuild(context.rig, ["log", id]);
  if (code === 0 && stdout.trim() === expected) return;
  // It may be deleted between being built and being looked at.
  if (code === 3 && context.deletions > 0) return;
  context.tally.find(
    `${what}: the guest has ${JSON.stringify(stdout)}, not ${JSON.stringify(expected)}`,
    stderr,
  );
}
