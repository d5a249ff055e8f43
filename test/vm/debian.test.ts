import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { VmRig } from "../support/vm-rig.ts";

test("a package from Debian's archive, with what apt downloads in caches", async () => {
  await using rig = await VmRig.create({ base: "debian-12" });
  await rig.put("apt.spec", await readFile("spec-examples/debian-apt.spec"));
  const first = await rig.run(["build", "-f", "apt.spec"]);
  expect(first.exitCode, first.stderr).toBe(0);
  expect(first.stderr).toMatch(/\| 42\.0$/m);
  expect((await rig.run(["cache", "ls"])).stdout).toMatch(/apt-archives .*\n.*apt-lists /);

  const again = await rig.run(["build", "-f", "apt.spec"]);
  expect(again.exitCode, again.stderr).toBe(0);
  expect(again.stderr.match(/---> cached/g)).toHaveLength(5);
  expect(again.stdout).toBe(first.stdout);
});

/** What steps do in images: packages with a service, accounts, files in every kind of place. */
const ops = `
  (env DEBIAN_FRONTEND noninteractive)
  (run (network host)
    (shell "apt-get update -qq && apt-get install -y -qq --no-install-recommends cron sqlite3 >/dev/null"))
  (run (shell "groupadd --gid 900 team && useradd --uid 900 --gid 900 --create-home worker && usermod -aG team,sudo worker"))
  (user (name worker)) (run (shell "id >/tmp/id; umask 027; mkdir -p ~/work/deep; echo work >~/work/deep/file; ln -s deep ~/work/link"))
  (user (uid 0) (gid 0)) (run (shell "echo '@reboot root touch /srv/cron-ran' >/etc/cron.d/once; systemctl restart cron; sleep 1"))
  (run (shell "systemctl is-active cron; mkfifo /srv/fifo; echo data >/tmp/kept; chmod 4755 /tmp/kept; chown 12:34 /tmp/kept"))
  (run (shell "echo mine >/etc/motd; truncate -s 1M /srv/sparse; setfattr -n user.x -v y /srv/sparse 2>/dev/null; true"))`;

test("print tree", async () => {
  const list = `
    cd /; find . -xdev -printf '%P %M %U:%G %l\\n' | sort >/run/paths
    find . -xdev -type f -cnewer /usr/bin/env -print0 | sort -z | xargs -0 sha256sum >/run/sums
    cat /run/paths /run/sums`;
  const logs: string[] = [];
  for (const boot of ["warm", "cold"]) {
    await using rig = await VmRig.create({ base: "debian-12" });
    const id = await rig.built(`${ops} (run (shell "${list}"))`, ["--boot", boot]);
    logs.push(await rig.log(id));
  }
  const { writeFileSync } = await import("node:fs");
  writeFileSync("/tmp/w/warm.txt", logs[0]!);
  writeFileSync("/tmp/w/cold.txt", logs[1]!);
}, 600_000);
