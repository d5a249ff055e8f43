import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { VmRig } from "../support/vm-rig.ts";

test("a package from Debian's archive, with what apt downloads in caches", async () => {
  await using rig = await VmRig.create({ base: "debian-12", cpus: 1 });
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
  (env SOURCE_DATE_EPOCH 0)
  (run (shell "dpkg-deb --build /tmp/greeter >/dev/null && dpkg -i /tmp/greeter.deb && systemctl is-active greeter"))
  (run (shell "groupadd --gid 900 team && useradd --uid 900 --gid 900 --create-home worker && usermod -aG sudo worker; systemctl is-active greeter"))
  (user (name worker))
  (run (shell "id; umask 027; mkdir -p ~/work/deep; echo work >~/work/deep/file; ln -s deep ~/work/link; echo mine >/tmp/mine"))
  (user (uid 0) (gid 0))
  (run (shell "mkfifo /srv/fifo; echo data >/tmp/kept; chown 12:34 /tmp/kept; chmod 4755 /tmp/kept; truncate -s 1M /srv/sparse; ln /tmp/kept /srv/hard"))`;

/** Every path with its mode, owner and link text, and the content of every file that came after the first step's. */
const list = `cd /; find . -xdev -printf '%P %M %U:%G %l\\n' | sort;
  find . -xdev -type f ! -path './tmp/greeter/*' -newercc /tmp/greeter/DEBIAN/control -print0 | sort -z | xargs -0 sha256sum`;

/** What differs from one boot to the next, told in docs/suspended-machines.md. */
const exceptions: readonly RegExp[] = [
  /\/etc\/machine-id$/, // made at the first boot
  /^(var\/)?tmp\/systemd-private-/, // named after the boot
  /\/var\/lib\/systemd\/random-seed$/, // of the boot's own random numbers
  /\/var\/log\/(wtmp|lastlog|btmp)$/, // when there was a boot or a login
  /\/var\/log\/(dpkg|alternatives)\.log$/, // when something was done
];

test("cold and warm builds give the same files", async () => {
  const trees: Set<string>[] = [];
  for (const boot of ["warm", "cold"]) {
    await using rig = await VmRig.create({ base: "debian-12", cpus: 1 });
    for (const [path, content, mode] of packageFiles)
      await rig.put(`greeter/${path}`, content, mode);
    const id = await rig.built(`${ops} (run (shell "${list}"))`, ["--boot", boot, "."]);
    const lines = (await rig.log(id)).split("\n");
    trees.push(new Set(lines.filter((line) => !exceptions.some((pattern) => pattern.test(line)))));
  }
  const [warm = new Set(), cold = new Set()] = trees;
  expect(warm.size).toBeGreaterThan(10_000);
  for (const line of [
    "home/worker/work/link lrwxrwxrwx 900:900 deep",
    "tmp/kept -rwsr-xr-x 12:34 ",
  ]) {
    expect(warm).toContain(line);
  }
  expect([...warm].filter((line) => !cold.has(line))).toEqual([]);
  expect([...cold].filter((line) => !warm.has(line))).toEqual([]);
}, 900_000);
