/**
 * The test suite: every check and test tier in order, and one table of what they came to.
 *
 *   node scripts/test.mjs [--no-boot]
 *
 * A tier is a command. It passes with exit code 0; 77 means skipped, for the reason on its last
 * line of stderr. A tier with `results` is a vitest run and counts by its tests, any other as one.
 */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { renderReport, totalOf } from "./test-report.mjs";

const resultsDir = "test-results";
const minute = 60_000;
const npm = (script, ...more) => ["npm", "run", "--silent", script, ...more];
const vitest = (project) =>
  `node node_modules/vitest/vitest.mjs run --project ${project} --allowOnly=false`.split(" ");

const leaveOut = (name) => ["--exclude", `test/vm/${name}.test.ts`];

const checks = [
  { name: "compile", argv: ["make", "--no-print-directory", "compile"], stopsAll: true },
  { name: "types", argv: npm("typecheck"), stopsAll: true },
  { name: "lint", argv: npm("lint") },
  { name: "format", argv: npm("format:check") },
  { name: "import rules", argv: npm("imports") },
  { name: "dead code", argv: npm("dead-code") },
  { name: "file sizes", argv: npm("file-sizes") },
  { name: "shell scripts", argv: npm("shell") },
  { name: "package", argv: npm("package") },
];
const unit = [
  { name: "unit", argv: vitest("unit"), results: "unit.json", limitMs: 10 * minute },
  {
    name: "unit, LTS Node",
    argv: ["scripts/test-lts.sh", "--allowOnly=false"],
    results: "lts/unit.json",
    env: { VMBUILD_TEST_RESULTS: `${resultsDir}/lts` },
    limitMs: 10 * minute,
  },
];
const boots = [
  { name: "base image", argv: "node bin/vmbuild.js base build busybox --if-missing".split(" ") },
  {
    name: "base image appliance",
    argv: "node bin/vmbuild.js base build appliance --if-missing".split(" "),
  },
  {
    name: "base image of arm64",
    argv: "node bin/vmbuild.js base build busybox-arm64 --if-missing".split(" "),
  },
  {
    name: "base images of Debian",
    // Two at once: either waits for the network now and then. Both are awaited, whichever fails.
    argv: [
      "bash",
      "-c",
      `node bin/vmbuild.js base build debian-12 --if-missing & older=$!
      node bin/vmbuild.js base build debian-13 --if-missing; newer=$?
      wait "$older" && exit "$newer"`,
    ],
    limitMs: 15 * minute,
  },
  { name: "vm", argv: vitest("vm"), results: "vm.json", needs: "base image", limitMs: 30 * minute },
  {
    name: "vm, cold",
    // What is about suspended machines alone has no cold side, and what boots or edits images no warm
    // one; some tests build both ways by themselves, and who shares a step, uses the library or installs a system need not
    // know how machines start.
    argv: [
      ...vitest("vm"),
      ...["warm", "forks", "sharing", "library", "installer"].flatMap(leaveOut),
      ...["task", "configure", "boot", "cloud-base"].flatMap(leaveOut),
      ...["customize", "files", "seal", "storage"].flatMap(leaveOut),
      ...["debian", "debian-13", "language", "network"].flatMap(leaveOut),
    ],
    results: "cold/vm.json",
    env: { VMBUILD_BOOT: "cold", VMBUILD_TEST_RESULTS: `${resultsDir}/cold` },
    needs: "base image",
    limitMs: 30 * minute,
  },
  { name: "installed package", argv: npm("smoke"), needs: "base image" },
  {
    name: "stress",
    argv: "node stress/main.mjs --seed 1 --builds 4 --kills 4 --parallel 3 --minutes 2 --specs 2".split(
      " ",
    ),
    needs: "base image",
    limitMs: 20 * minute,
  },
];
const tiers = process.argv.includes("--no-boot")
  ? [...checks, { name: "installed package", argv: npm("smoke", "--", "--no-boot") }, ...unit]
  : [...checks, ...unit, ...boots];

rmSync(resultsDir, { recursive: true, force: true });
mkdirSync(resultsDir);

let interrupted = false;
const rows = [];
for (const tier of tiers) {
  const row = await runTier(tier);
  rows.push(row);
  if (interrupted || (tier.stopsAll && row.failures.length > 0)) break;
}
const total = totalOf(rows);
const notRun = tiers.slice(rows.length).map((tier) => tier.name);
process.stdout.write(renderReport(rows, notRun));
writeFileSync(
  `${resultsDir}/summary.txt`,
  `Tests: ${total.passed} passed, ${total.failures.length} failed, ${total.skipped.length} skipped\n`,
);
process.exitCode = total.failures.length > 0 ? 1 : 0;

/** What a tier came to: `{ name, passed, failures: [text], skipped: [{ name, reason }], seconds }`. */
async function runTier(tier) {
  const row = { name: tier.name, passed: 0, failures: [], skipped: [], seconds: 0 };
  const needed = rows.find(({ name }) => name === tier.needs);
  if (needed && needed.failures.length > 0) {
    row.failures.push(`${tier.name}: not run, because "${tier.needs}" failed`);
    return row;
  }
  process.stdout.write(`\n== ${tier.name}\n`);
  const startedAt = performance.now();
  const end = await run(tier);
  row.seconds = (performance.now() - startedAt) / 1000;

  if (end.code === 77) {
    row.skipped.push({ name: tier.name, reason: end.lastLine });
    return row;
  }
  if (tier.results) Object.assign(row, readResults(tier.results));
  else if (end.code === 0) row.passed = 1;
  if (end.code !== 0 && row.failures.length === 0) {
    const how = end.signal ?? `exit code ${end.code}`;
    row.failures.push(`${tier.name}: \`${tier.argv.join(" ")}\` ended with ${how}`);
  } else if (row.passed === 0 && row.failures.length === 0) {
    row.failures.push(`${tier.name}: no test has passed`);
  }
  return row;
}

/** What the vitest reporter wrote; nothing when the run did not get that far. */
function readResults(file) {
  try {
    const { passed, skipped, failures } = JSON.parse(readFileSync(`${resultsDir}/${file}`, "utf8"));
    return { passed, skipped, failures };
  } catch {
    return {};
  }
}

/**
 * Runs the tier's command, its output passed on, in a process group of its own: one that takes too long,
 * or whose user has seen enough, is ended as a whole and leaves a report.
 */
function run({ argv: [program, ...args], env, limitMs = 5 * minute }) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      stdio: ["ignore", "inherit", "pipe"],
      env: { ...process.env, ...env },
      detached: true,
    });
    const onInterrupt = (signal) => {
      interrupted = true;
      signalGroup(child, signal);
      setTimeout(signalGroup, 5000, child, "SIGKILL").unref();
    };
    const limit = setTimeout(signalGroup, limitMs, child, "SIGKILL");
    process.on("SIGINT", onInterrupt).on("SIGTERM", onInterrupt);
    let lastLine = "";
    child.stderr.on("data", (chunk) => {
      process.stderr.write(chunk);
      lastLine = (lastLine + chunk).trimEnd().split("\n").at(-1);
    });
    child.on("close", (code, signal) => {
      clearTimeout(limit);
      process.off("SIGINT", onInterrupt).off("SIGTERM", onInterrupt);
      resolve({ code, signal, lastLine });
    });
  });
}

function signalGroup(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group has ended; whoever left it may still hold the pipe.
    child.stderr.destroy();
  }
}
