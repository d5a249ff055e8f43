import { spawn } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const usageReporter = new URL("./report-usage.mjs", import.meta.url).href;
const vmbuildPath = fileURLToPath(new URL("../bin/vmbuild.js", import.meta.url));

/** Runs a program to its end; gives its wall time in milliseconds. Rejects when it fails. */
export function timed(argv, options = {}) {
  return new Promise((resolve, reject) => {
    const [program, ...args] = argv;
    const startedAt = performance.now();
    const child = spawn(program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 300_000,
      ...options,
    });
    let stdout = "";
    let stderr = "";
    child.stdout?.on("data", (chunk) => (stdout = `${stdout}${chunk}`.slice(-100_000)));
    child.stderr?.on("data", (chunk) => (stderr = `${stderr}${chunk}`.slice(-4000)));
    child.on("error", reject);
    child.on("close", (code) => {
      const ms = performance.now() - startedAt;
      if (code === 0) resolve({ ms, stdout });
      else reject(new Error(`${argv.join(" ")} ended with ${code}:\n${stderr}`));
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
      ...(memory ? { NODE_OPTIONS: `--import=${usageReporter}`, VMBUILD_USAGE: report } : {}),
    },
    ...options,
  });
  if (!memory) return ran;
  const { maxRssBytes } = JSON.parse(readFileSync(report, "utf8"));
  rmSync(report);
  return { ...ran, maxRssBytes };
}
