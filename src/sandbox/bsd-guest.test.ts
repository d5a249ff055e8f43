/**
 * The scripts that BSD guests are given, run by the nearest relatives of their programs that Debian has: mksh for
 * OpenBSD's ksh, paxtar for its tar, and nothing that it has not got.
 */
import { closeSync, fstatSync, openSync } from "node:fs";
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findProgram, linkPrograms, shellSession } from "../../test/support/shell-session.ts";
import { scanSource } from "../context/scan.ts";
import { manifestTar } from "../context/tar-stream.ts";
import { defaultProfile } from "../profile/default-profile.ts";
import type { GuestOs } from "../profile/profile.ts";
import { ok } from "../result.ts";
import { PosixGuest } from "./posix-guest.ts";
import type { CacheAttachment, CommandTask, SandboxHooks } from "./sandbox.ts";
import { workInGuest } from "./work-in-guest.ts";

const isRoot = process.getuid?.() === 0;

/**
 * Of OpenBSD's base system what the scripts and these tests use; no setpriv, no chpst. `sync` would write out all
 * that this host has.
 */
const basePrograms =
  "cat chmod chown df env getent grep head id ln ls mkdir mv printf rm rmdir stat su sync=true tail true".split(
    " ",
  );

interface System {
  readonly os: GuestOs;
  readonly shell: string;
  readonly programs: readonly string[];
}

const systems: readonly System[] = [
  { os: "openbsd", shell: "mksh", programs: [...basePrograms, "perl", "tar=paxtar"] },
  { os: "freebsd", shell: "dash", programs: [...basePrograms, "tar=bsdtar"] },
];

for (const { os, shell, programs } of systems) {
  const shellPath = findProgram(shell);
  const tar = programs.find((name) => name.startsWith("tar="))?.slice(4) ?? "";
  const missing = [shell, tar, "perl"].filter((name) => findProgram(name) === undefined);

  describe(`${os}'s scripts, by ${shell} and ${tar}`, () => {
    let dir: string;
    let output: string;
    const descriptors: number[] = [];
    let hooks: SandboxHooks;
    let guest: PosixGuest;

    beforeEach(async (context) => {
      if (missing.length > 0) context.skip(`this host has no ${missing.join(", no ")}`);
      dir = await mkdtemp(join(tmpdir(), "vmbuild-bsd-"));
      await chmod(dir, 0o755);
      const binDir = join(dir, "bin");
      await linkPrograms(binDir, programs);
      output = "";
      hooks = {
        signal: new AbortController().signal,
        onPhase() {},
        onOutput: (chunk) => void (output += chunk.toString()),
        onWarning: (message) => void (output += `warning: ${message}\n`),
        onMachine() {},
      };
      const session = shellSession({
        shell: shellPath ?? "",
        binDir,
        workDir: join(dir, "dot-vmbuild"),
      });
      guest = new PosixGuest(session, defaultProfile(os, "x86_64"), { flush: true });
    });

    afterEach(async () => {
      for (const fd of descriptors.splice(0)) closeSync(fd);
      if (dir !== undefined) await rm(dir, { recursive: true, force: true });
    });

    function task(command: string, overrides: Partial<CommandTask> = {}): CommandTask {
      return {
        kind: "command",
        command,
        shell: [shellPath ?? "", "-c"],
        workdir: dir,
        env: [],
        user: { kind: "unix", uid: 0, gid: 0 },
        caches: [],
        ...overrides,
      };
    }

    test("a command has its quoting, environment, directory and exit code", async () => {
      const workdir = join(dir, "it's; a $dir");
      const ran = await guest.run(
        task(`pwd; env | grep -c SSH; printf '%s\\n' "$A" 'b  c'; exit 7`, {
          workdir,
          env: [["A", `x"y'z\n$HOME`]],
        }),
        hooks,
      );
      expect(ran).toEqual({ ok: false, error: { reason: "command-failed", exitCode: 7 } });
      expect(output).toBe(`${workdir}\n0\nx"y'z\n$HOME\nb  c\n`);
    });

    describe.runIf(isRoot)("as root", () => {
      test("a step runs as an id without an account", async ({ skip }) => {
        if (os === "freebsd") skip("FreeBSD's su(1) wants an account");
        const user = { kind: "unix", uid: 54_321, gid: 12_345 } as const;
        expect(await guest.run(task("id -u; id -g; id -G", { user, workdir: "/" }), hooks)).toEqual(
          ok(),
        );
        expect(output).toBe("54321\n12345\n12345\n");
      });

      test("a step runs as an account", async () => {
        const user = { kind: "name", name: "nobody" } as const;
        const ran = await guest.run(
          task("id -un; echo $HOME $USER; echo 'it'\"'\"'s'", { user, workdir: "/" }),
          hooks,
        );
        expect([ran, output]).toEqual([ok(), "nobody\n/nonexistent nobody\nit's\n"]);
      });

      test("a copy owns what it makes and leaves what was there as it was", async () => {
        const context = join(dir, "context");
        const tree = join(context, "tree");
        await mkdir(join(tree, "sub dir", "empty"), { recursive: true });
        await writeFile(join(tree, "sub dir", "script"), "#!/bin/sh\n", { mode: 0o700 });
        await writeFile(join(tree, "é".repeat(80)), "long name");
        await symlink("sub dir/script", join(tree, "link"));
        const home = join(dir, "home");
        await mkdir(join(dir, "real"), { mode: 0o711 });
        await symlink("real", home);
        const before = await stat(home);
        const scanned = await scanSource({
          contextDir: context,
          path: "tree",
          exclude: [],
          signal: hooks.signal,
        });
        if (!scanned.ok) throw new Error(JSON.stringify(scanned.error));
        const items = [{ manifest: scanned.value, destination: join(home, "app") }];
        const copied = await guest.copy(
          {
            kind: "copy",
            items,
            user: { kind: "unix", uid: 1234, gid: 5678 },
            openTar: ({ uid, gid, directories, signal }) =>
              manifestTar(items, {
                contextDir: context,
                owner: { uid, gid },
                directories: (path) => directories.has(path),
                signal,
              }),
          },
          hooks,
        );
        expect(copied).toEqual(ok());
        const after = await stat(home);
        expect([after.uid, after.gid, after.mode]).toEqual([before.uid, before.gid, before.mode]);
        const script = await stat(join(home, "app", "link"));
        expect([script.uid, script.gid, script.mode & 0o7777]).toEqual([1234, 5678, 0o755]);
        const empty = await stat(join(home, "app", "sub dir", "empty"));
        expect([empty.uid, empty.mode & 0o7777]).toEqual([1234, 0o755]);
        expect(await readFile(join(home, "app", "é".repeat(80)), "utf8")).toBe("long name");
      });

      function cache(name: string, target: string, content?: "tar"): CacheAttachment {
        const path = join(dir, `${name}.tar`);
        return {
          name,
          target,
          content,
          openTar: async () => {
            const fd = openSync(path, "r");
            descriptors.push(fd);
            return ok({ fd, path, sizeBytes: fstatSync(fd).size });
          },
          openDisk: () => Promise.reject(new Error("a BSD guest has no disks")),
          startAnew() {},
          newContentPath: path,
        };
      }

      test(
        "caches hide what is at their targets, are kept, and leave nothing",
        { timeout: 120_000 },
        async () => {
          const there = join(dir, "there");
          await mkdir(there, { mode: 0o750 });
          await writeFile(join(there, "own"), "the guest's own");
          const before = await stat(there);
          const missing = join(dir, "new", "deep", "cache dir");
          const targets = (content?: "tar") => [
            cache("a", there, content),
            cache("b", missing, content),
            cache("c", join(there, "in"), content),
          ];
          const work = (command: string, content?: "tar") => {
            const saved: { target: string; form: string }[] = [];
            const work = task(command, { caches: targets(content) });
            return workInGuest(guest, { task: work, keepFailed: false }, hooks, saved as never);
          };
          const fill = `cd ${there}; ls -A; echo a >a; echo c >in/c; echo b >'${missing}/b'; ln -s a l; chmod 4755 a`;
          expect([await work(fill), output]).toEqual([ok(), "in\n"]);
          expect(await readdir(there)).toEqual(["own"]);
          expect((await stat(there)).mode).toBe(before.mode);
          expect((await readdir(dir)).sort()).toEqual(
            ["a.tar", "b.tar", "bin", "c.tar", "there"].sort(),
          );

          output = "";
          const look = `cd ${there}; ls -A; cat a l in/c '${missing}/b'; stat -c %a a; ls -A in`;
          // The new content has a place of its own in a real lease.
          const again = targets("tar").map((one) => ({
            ...one,
            newContentPath: `${one.newContentPath}.new`,
          }));
          const done = await workInGuest(
            guest,
            { task: task(look, { caches: again }), keepFailed: false },
            hooks,
            [],
          );
          expect([done, output]).toEqual([ok(), "a\nin\nl\na\na\nc\nb\n4755\nc\n"]);
          expect(await readFile(join(there, "own"), "utf8")).toBe("the guest's own");
        },
      );

      test("a cache cannot be where a file or a file system is", async () => {
        await writeFile(join(dir, "file"), "");
        const tries: [string, string][] = [
          [join(dir, "file"), `${join(dir, "file")} is not a directory`],
          ["/proc", "a file system is mounted at /proc"],
        ];
        for (const [target, message] of tries) {
          const caches = [cache("x", target)];
          const job = { task: task("true", { caches }), keepFailed: false };
          expect(await workInGuest(guest, job, hooks, [])).toEqual({
            ok: false,
            error: { reason: "cache-failed", cache: "x", target, message },
          });
        }
      });
    });
  });
}
