import { expect, test } from "vitest";
import { hasBase, VmRig } from "../support/vm-rig.ts";

/** What a step leaves in /tmp is there after a boot, and a package comes out of caches. */
const ops = `
  (run (shell "systemctl is-system-running --wait; grep VERSION_ID /etc/os-release; findmnt -n -o FSTYPE -T /tmp; echo kept >/tmp/mine"))
  (run
   (cache (apt-archives (target /var/cache/apt/archives)) (apt-lists (target /var/lib/apt/lists)))
   (network host)
   (shell "cat /tmp/mine && apt-get -qq update && apt-get -qq install --no-install-recommends hello && hello"))`;

test.for([
  ["warm", 1],
  ["cold", 2],
] as const)(
  "Debian 13 builds %s, with a boot for every machine",
  { timeout: 900_000 },
  async ([boot, boots], { skip }) => {
    if (!(await hasBase("debian-13"))) skip("there is no base image debian-13");
    await using rig = await VmRig.create({ base: "debian-13" });
    const ran = await rig.build(ops, ["-v", "--boot", boot]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    for (const line of ["running", 'VERSION_ID="13"', "ext4", "kept", "Hello, world!"]) {
      expect(ran.stderr).toContain(`| ${line}\n`);
    }
    expect(ran.stderr.match(/\] booting$/gm)).toHaveLength(boots);
    expect(ran.stderr).not.toContain("its machine is not kept");
  },
);
