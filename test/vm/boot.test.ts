import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, truncate } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";
import { vmbuildPath } from "../support/run-vmbuild.ts";
import { VmRig } from "../support/vm-rig.ts";

/** A `vmbuild boot` that goes on while the test looks. */
function boot(rig: VmRig, argv: readonly string[]) {
  const child = spawn(process.execPath, [vmbuildPath, "boot", ...argv], {
    cwd: rig.dir,
    env: { PATH: process.env["PATH"], HOME: rig.dir, VMBUILD_STORE: rig.store },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => void (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => void (stderr += chunk.toString()));
  const ended = once(child, "close").then(([code]) => code as number | null);
  return { child, ended, stdout: () => stdout, stderr: () => stderr };
}

/** Runs a command in a guest by the ssh command that was printed, once it can be. */
async function inGuest(stderr: () => string, command: string): Promise<string> {
  let said = "";
  await expect
    .poll(
      async () => {
        const ssh = /^SSH port \d+: (ssh .*)$/m.exec(stderr())?.[1];
        if (ssh === undefined) return "no port yet";
        const ran = await execa("sh", ["-c", `${ssh} -o ConnectTimeout=5 "$0"`, command], {
          reject: false,
          stdin: "ignore",
        });
        said = ran.stdout;
        return ran.exitCode;
      },
      { timeout: 120_000, interval: 500 },
    )
    .toBe(0);
  return said;
}

/** A command that does not cut off the session in which it is given. */
const soon = (command: string): string =>
  `setsid sh -c "sleep 1; ${command}" </dev/null >/dev/null 2>&1 &`;

test("a base image is booted on a throw-away disk, with its console and its ports", async () => {
  await using rig = await VmRig.create();
  const first = boot(rig, ["busybox", "--forward", ":8080", "--console-log", "console.log"]);
  await inGuest(
    first.stderr,
    "echo changed >/root/mark; echo hello >/tmp/page; httpd -p 8080 -h /tmp",
  );
  const port = /^port (\d+) of 127\.0\.0\.1 leads to port 8080/m.exec(first.stderr())?.[1];
  const page = await fetch(`http://127.0.0.1:${port}/page`);
  expect(await page.text()).toBe("hello\n");
  // A reboot is none that ends the machine; what was written is still there then.
  const before = await inGuest(
    first.stderr,
    `cat /proc/sys/kernel/random/boot_id; ${soon("reboot")}`,
  );
  await expect
    .poll(() => inGuest(first.stderr, "cat /proc/sys/kernel/random/boot_id"), { timeout: 120_000 })
    .not.toBe(before);
  expect(await inGuest(first.stderr, "cat /root/mark; echo on the console >/dev/console")).toBe(
    "changed",
  );
  await inGuest(first.stderr, soon("poweroff"));
  expect(await first.ended, first.stderr()).toBe(0);
  expect(first.stdout()).toContain("on the console");
  expect(await readFile(join(rig.dir, "console.log"), "utf8")).toContain("on the console");
  expect(await rig.entries("result-tmp")).toEqual([]);

  const [layer = ""] = await rig.entries("result");
  const second = boot(rig, [layer.slice(0, 12), "--no-console", "--no-network"]);
  expect(await inGuest(second.stderr, "cat /root/mark || true")).toBe("");
  second.child.kill("SIGINT");
  expect(await second.ended).toBe(130);
  expect(await rig.machines()).toEqual([]);
  expect(await rig.entries("result-tmp")).toEqual([]);
});

test.each(["x86_64", "aarch64"])(
  "a %s machine has UEFI with variables of its own",
  async (arch) => {
    await using rig = await VmRig.create();
    await rig.put("empty.raw", "");
    await truncate(join(rig.dir, "empty.raw"), 2 ** 20);
    const booted = boot(rig, [
      "./empty.raw",
      `--arch=${arch}`,
      "--firmware=uefi",
      "--accelerator=tcg",
      "--console-log=console.log",
    ]);
    await expect
      .poll(booted.stdout, { timeout: 120_000 })
      .toMatch(/BdsDxe: .*|UEFI Interactive Shell/);
    booted.child.kill("SIGTERM");
    expect(await booted.ended).toBe(143);
    expect(await rig.machines()).toEqual([]);
  },
);
