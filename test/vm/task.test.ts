import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, test } from "vitest";
import { vmbuildPath } from "../support/run-vmbuild.ts";
import { hasBase, VmRig } from "../support/vm-rig.ts";

describe("a script on a base image", () => {
  test("goes on with its suspended machine, and leaves nothing behind", async () => {
    await using rig = await VmRig.create();
    await rig.put("task.sh", "#!/bin/sh\necho out; echo err >&2; id -u; echo $0; exit 7\n");
    const argv = ["task", "--image", "busybox", "--boot", "warm", "task.sh"];
    const ran = await rig.run(argv);
    expect(ran.exitCode, ran.stderr).toBe(7);
    expect(ran.stdout.split("\n")).toEqual([
      "out",
      "err",
      "0",
      expect.stringMatching(/^\/tmp\/.*\/task$/),
    ]);
    expect(ran.stderr).toBe("");
    await rig.put("task.sh", "#!/bin/sh\nkill -TERM $$\n");
    expect((await rig.run(argv)).exitCode).toBe(128 + 15);
    expect(await rig.entries("result")).toHaveLength(1);
    expect(await rig.entries("result-tmp")).toEqual([]);
    expect(await rig.machines()).toEqual([]);
  });
});

test("a script whose reader goes away is still what the exit status tells of", async () => {
  await using rig = await VmRig.create();
  await rig.put("task.sh", "#!/bin/sh\nyes | head -n 100000\nexit 9\n");
  const pipe = '"$@" | head -c 10; exit ${PIPESTATUS[0]}';
  const task = ["task", "--image", "busybox", join(rig.dir, "task.sh")];
  const ran = await execa("bash", ["-c", pipe, "-", process.execPath, vmbuildPath, ...task], {
    env: { VMBUILD_STORE: rig.store },
    reject: false,
  });
  expect(ran.exitCode, ran.stderr).toBe(9);
});

/** As the page on Rocky as a task runner has it. */
const userData = `#cloud-config
write_files:
  - path: /root/run-task.sh
    permissions: '0755'
    content: |
      #!/bin/bash
      # Send ALL output to the QEMU serial console
      exec > /dev/ttyS0 2>&1

      echo "============================================"
      echo "   [run-task.sh] Minimal root test"
      echo "============================================"
      date

      echo "[*] Doing a root-only operation..."
      echo "cloud-init ran as root at $(date)" > /root/cloud-init-ran
      ls -l /root/cloud-init-ran

      echo "[*] Attempting early umount of /boot..."
      umount /boot >/dev/null 2>&1 || true

      echo "============================================"
      echo " [run-task.sh] Task complete (no poweroff)"
      echo "============================================"

runcmd:
  - [ /root/run-task.sh ]

# Let cloud-init shut the system down cleanly AFTER all stages
power_state:
  mode: poweroff
  message: "cloud-init finished, powering off"
  timeout: 30
  condition: True
`;

test("a disk is made, and gone on with: by a script, then by a user-data that powers off", async (context) => {
  if (!(await hasBase("debian-12"))) context.skip("there is no base image debian-12");
  await using rig = await VmRig.create({ base: "debian-12" });
  const task = (...argv: readonly string[]) =>
    rig.run(["task", "--image", "debian-12", "--disk", "runner.qcow2", ...argv]);
  await rig.put(
    "task.sh",
    "#!/bin/bash\necho hello; hostname; cat /root/from-run; id -u >/root/from-task; exit 7\n",
  );
  const first = await task("--hostname", "runner", "--run", "echo ran >/root/from-run", "task.sh");
  expect(first.exitCode, first.stderr).toBe(7);
  expect(first.stdout).toBe("hello\nrunner\nran");
  expect(first.stderr).toBe("");

  await writeFile(
    join(rig.dir, "user-data"),
    userData.replace("date\n", "date; cat /root/from-task\n"),
  );
  const second = await task("--cloud-init", "smbios", "user-data");
  expect(second.exitCode, `${second.stdout}\n${second.stderr}`).toBe(0);
  expect(second.stdout).toContain("[run-task.sh] Minimal root test");
  expect(second.stdout).toMatch(/^0$/m);
  expect(second.stdout).toContain("[run-task.sh] Task complete (no poweroff)");
  expect(second.stdout).not.toContain("\r");
  expect(second.stderr).toBe("");
  expect(await rig.machines()).toEqual([]);
});
