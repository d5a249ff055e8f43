import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const usageReporter = new URL("./report-usage.mjs", import.meta.url).href;
const vmbuildPath = fileURLToPath(new URL("../bin/vmbuild.js", import.meta.url));
const running = new Set();
let isOver = false;

/** Starts a program in a process group of its own, which {@link endAll} ends. */
export function start([program, ...args], options) {
  if (isOver) throw new Error("the bench is over");
  const child = spawn(program, args, { detached: true, ...options });
  running.add(child);
  child.once("close", () => running.delete(child));
  child.once("error", () => running.delete(child));
  return child;
}

/**
 * Ends every program that still runs, with what it started; by force what does not go by itself. None can be
 * started afterwards.
 */
export async function endAll() {
  isOver = true;
  const signal = (name) => {
    for (const { pid } of running) {
      try {
        process.kill(-pid, name);
      } catch {
        // It has ended meanwhile.
      }
    }
  };
  const ends = [...running].map((child) => once(child, "close"));
  const force = setTimeout(signal, 10_000, "SIGKILL");
  signal("SIGTERM");
  await Promise.allSettled(ends);
  clearTimeout(force);
}

/**
 * Runs a program to its end; gives its wall time in milliseconds and the end of its output. Rejects when
 * it fails. `onOutput` and `onErrorOutput` get what it writes to standard output and error as it comes.
 */
export function timed(argv, { onOutput, onErrorOutput, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const child = start(argv, {
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 20 * 60_000,
      ...options,
    });
    let stdout = "";
    let stderr = "";
    child.stdout?.on("data", (chunk) => {
      stdout = `${stdout}${chunk}`.slice(-100_000);
      onOutput?.(chunk);
    });
    child.stderr?.on("data", (chunk) => {
      stderr = `${stderr}${chunk}`.slice(-4000);
      onErrorOutput?.(chunk);
    });
    child.on("error", reject);
    child.on("close", (code) => {
      const ms = performance.now() - startedAt;
      if (code === 0) resolve({ ms, stdout });
      else reject(new Error(`${argv.join(" ")} ended with ${code}:\n${stdout}${stderr}`));
    });
  });
}

/** Runs `vmbuild`; gives wall time and the peak of its own memory in bytes. */
export async function vmbuild(rig, argv, { memory = false, boot = "cold", ...options } = {}) {
  const report = join(rig.dir, "usage.json");
  const ran = await timed([process.execPath, vmbuildPath, ...argv], {
    cwd: rig.dir,
    env: {
      ...process.env,
      VMBUILD_STORE: rig.store,
      VMBUILD_BOOT: boot,
      VMBUILD_ACCELERATOR: rig.accelerator,
      ...(memory ? { NODE_OPTIONS: `--import=${usageReporter}`, VMBUILD_USAGE: report } : {}),
    },
    ...options,
  });
  if (!memory) return ran;
  const { maxRssBytes } = JSON.parse(readFileSync(report, "utf8"));
  rmSync(report);
  return { ...ran, maxRssBytes };
}
