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

/** A package with a service that its installation starts, as packages of Debian do. */
const packageFiles: readonly (readonly [path: string, content: string, mode?: number])[] = [
  [
    "DEBIAN/control",
    "Package: greeter\nVersion: 1.0\nArchitecture: all\nMaintainer: vmbuild\nDescription: greets\n",
  ],
  [
    "DEBIAN/postinst",
    "#!/bin/sh\nset -e\nsystemctl daemon-reload\nsystemctl enable --now greeter.service\n",
    0o755,
  ],
  [
    "lib/systemd/system/greeter.service",
    "[Service]\nExecStart=/usr/bin/greeter\n[Install]\nWantedBy=multi-user.target\n",
  ],
  ["usr/bin/greeter", "#!/bin/sh\ndate >/run/greeted\nexec sleep infinity\n", 0o755],
];

/** Packages, a service, accounts, and files in every kind of place. */
const ops = `
  (copy (src greeter) (dst /tmp/greeter))
  (run (shell "dpkg-deb --build /tmp/greeter >/dev/null && dpkg -i /tmp/greeter.deb && systemctl is-active greeter"))
  (run (shell "groupadd --gid 900 team && useradd --uid 900 --gid 900 --create-home worker && usermod -aG sudo worker; systemctl is-active greeter; date >/var/log/seen"))
  (user (name worker))
  (run (shell "id; umask 027; mkdir -p ~/work/deep; echo work >~/work/deep/file; ln -s deep ~/work/link; echo mine >/tmp/mine"))
  (user (uid 0) (gid 0))
  (run (shell "mkfifo /srv/fifo; echo data >/tmp/kept; chmod 4755 /tmp/kept; chown 12:34 /tmp/kept; truncate -s 1M /srv/sparse; ln /tmp/kept /srv/hard"))`;

/**
 * Every path with its mode, owner and link text, and the content of every file that is not as in the base
 * image, whose files are older than the boot.
 */
const list = `cd /; find . -xdev -printf '%P %M %U:%G %l\\n' | sort;
  find . -xdev -type f -cnewer /usr/bin/env -print0 | sort -z | xargs -0 sha256sum`;

test("print tree", async () => {
  const logs: string[] = [];
  for (const boot of ["warm", "cold"]) {
    await using rig = await VmRig.create({ base: "debian-12" });
    for (const [path, content, mode] of packageFiles)
      await rig.put(`greeter/${path}`, content, mode);
    const id = await rig.built(`${ops} (run (shell "${list}"))`, ["--boot", boot, "-v", "."]);
    logs.push(await rig.log(id));
  }
  const { writeFileSync } = await import("node:fs");
  writeFileSync("/tmp/w/warm.txt", logs[0]!);
  writeFileSync("/tmp/w/cold.txt", logs[1]!);
}, 600_000);
