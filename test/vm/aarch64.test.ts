import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";
import { bootMode, hasBase, VmRig } from "../support/vm-rig.ts";

const base = "busybox-arm64";

/** The root filesystem's place on the disk, behind the EFI system partition. */
const rootOffset = 133_120 * 512;

test("aarch64 boots by UEFI, builds every kind of step, and is cached", async ({ skip }) => {
  if (!(await hasBase(base))) skip(`there is no base image ${base}`);
  await using rig = await VmRig.create({ base });
  await rig.put("mine/file", "copied");
  const server = createServer((_, response) => response.end("answered\n"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const ask = `timeout 5 wget -q -O - http://10.0.2.2:${port}/ 2>/dev/null || echo cut off`;
    const cache = "(cache (mine (target /home/builder/cache)))";
    const ops = `
      (user (uid 1000) (gid 1000))
      (copy (src mine) (dst /opt/mine/))
      (run ${cache} (shell "
        uname -m; ls /sys/firmware | grep -x efi; stat -c %u /opt/mine/mine/file; cat /opt/mine/mine/file; echo
        df -k / | awk 'END { if ($2 > 5000000) print \\"grown\\" }'
        [ $(date +%Y) -ge 2025 ] || echo the clock is wrong
        echo kept > ~/cache/file; ${ask}"))
      (run ${cache} (network host) (shell "cat ~/cache/file; ${ask}"))`;
    const flags = ["-v", "--disk-size", "6G"];
    const first = await rig.build(ops, flags);
    expect(first.exitCode, first.stderr).toBe(0);
    expect(first.stderr.match(/(?<=^\[[0-9]+.[0-9]+\] \| ).*$/gm)).toEqual([
      "aarch64",
      "efi",
      "1000",
      "copied",
      "grown",
      "cut off",
      "kept",
      "answered",
    ]);
    expect(first.stderr.match(/\] booting$/gm)).toHaveLength(bootMode === "warm" ? 1 : 3);
    expect(first.stderr).not.toMatch(/not kept|cannot be suspended|ignored its power button/);

    const second = await rig.build(ops, ["-o", "out.raw", ...flags]);
    expect(second).toMatchObject({ exitCode: 0, stdout: first.stdout });
    expect(second.stderr).not.toContain("saved");
    expect(second.stderr).not.toMatch(/\] booting$/m);
    // What was written to a file was shut down before, a suspended machine too.
    const disk = `${join(rig.dir, "out.raw")}?offset=${rootOffset}`;
    const checked = await execa("e2fsck", ["-fn", disk], { reject: false });
    expect(checked.exitCode, checked.stdout).toBe(0);
    expect(checked.stdout).not.toMatch(/recover/i);
  } finally {
    server.close();
  }
}, 600_000);
