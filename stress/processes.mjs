/** The programs that a stress run starts and ends: its own only, by their process ids. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";

const vmbuildPath = fileURLToPath(new URL("../bin/vmbuild.js", import.meta.url));
/** More than anything takes that is not stuck. */
const limitMs = 10 * 60_000;
const running = new Set();
let isOver = false;

/**
 * Starts `vmbuild`. `ended` gives `{ code, signal, stdout, stderr, isStuck }` and never rejects but for a
 * program that cannot be started.
 */
export function start(rig, argv) {
  if (isOver) throw new Error("the run is over");
  const child = spawn(process.execPath, [vmbuildPath, ...argv], {
    cwd: rig.dir,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env.PATH,
      HOME: rig.dir,
      XDG_RUNTIME_DIR: rig.runtimeDir,
      VMBUILD_STORE: rig.store,
      VMBUILD_ACCELERATOR: rig.accelerator,
      VMBUILD_MEMORY: rig.memory,
      VMBUILD_JOBS: "1",
    },
  });
  running.add(child);
  const run = { child, startedAt: performance.now(), isStuck: false, stdout: "", stderr: "" };
  const limit = setTimeout(() => {
    run.isStuck = true;
    child.kill("SIGKILL");
  }, limitMs);
  child.stdout.on("data", (chunk) => (run.stdout += chunk));
  child.stderr.on("data", (chunk) => (run.stderr = (run.stderr + chunk).slice(-20_000)));
  run.ended = new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      clearTimeout(limit);
      running.delete(child);
      resolve({ ...run, code, signal });
    });
  });
  return run;
}

/** Runs `vmbuild` to its end. */
export function vmbuild(rig, argv) {
  return start(rig, argv).ended;
}

/** The QEMU processes that have a file of the store on their command line, as `{ pid, parent }`. */
export function machinesOf(rig) {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((entry) => {
      try {
        const argv = readFileSync(`/proc/${entry}/cmdline`, "utf8");
        const isMachine = basename(argv.split("\0", 1)[0]).startsWith("qemu-system-");
        if (!isMachine || !argv.includes(`${rig.store}/`)) return [];
        const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
        const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        return state === "Z" ? [] : [{ pid: Number(entry), parent: Number(parent) }];
      } catch {
        // It has ended meanwhile.
        return [];
      }
    });
}

/** Sends a signal to a process, unless it has ended. */
export function signal(pid, name) {
  try {
    process.kill(pid, name);
    return true;
  } catch (error) {
    if (error.code === "ESRCH") return false;
    throw error;
  }
}

/** Resolves when `isTrue()` is, true, or after `timeoutMs`, false. */
export async function until(isTrue, timeoutMs) {
  const endsAt = performance.now() + timeoutMs;
  while (!isTrue()) {
    if (performance.now() > endsAt) return false;
    await delay(100);
  }
  return true;
}

export function delay(ms) {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** How many programs that were started have not ended. */
export function runningCount() {
  return running.size;
}

/** Ends every program at once, and their machines with them. None can be started afterwards. */
export async function endAll() {
  isOver = true;
  for (const child of running) child.kill("SIGKILL");
  await until(() => running.size === 0, 10_000);
}
