import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { localSession } from "../../test/support/local-session.ts";
import { scanSource } from "../context/scan.ts";
import { manifestTar } from "../context/tar-stream.ts";
import { defaultProfile } from "../profile/default-profile.ts";
import { PosixGuest } from "./posix-guest.ts";
import type { CommandTask, SandboxHooks } from "./sandbox.ts";

const isRoot = process.getuid?.() === 0;
const profile = { ...defaultProfile("linux", "x86_64"), shell: ["/bin/sh", "-c"] };
const guest = new PosixGuest(localSession, profile, { flush: false });

let dir: string;
let output: string;
let hooks: SandboxHooks;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-guest-"));
  output = "";
  hooks = {
    signal: new AbortController().signal,
    onPhase() {},
    onOutput: (chunk) => void (output += chunk.toString()),
    onWarning() {},
    onMachine() {},
  };
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

function task(command: string, overrides: Partial<CommandTask> = {}): CommandTask {
  return {
    kind: "command",
    command,
    shell: ["/bin/sh", "-c"],
    workdir: "/",
    env: [],
    user: { kind: "unix", uid: 0, gid: 0 },
    caches: [],
    ...overrides,
  };
}

describe("a command", () => {
  test("reaches the shell as one argument, whatever is in it", async () => {
    const command = `printf '%s\\n' "a  b" 'it'"'"'s' "$HOME" '$HOME' \`echo sub\` ';' "é"\necho second line`;
    await guest.run(task(command, { env: [["HOME", "/h o m e"]] }), hooks);
    expect(output).toBe("a  b\nit's\n/h o m e\n$HOME\nsub\n;\né\nsecond line\n");
  });

  test("keeps the quoting of a shell with several words", async () => {
    await guest.run(task("echo hello world", { shell: ["/bin/sh", "-e", "-c"] }), hooks);
    expect(output).toBe("hello world\n");
  });

  test("may be larger than what an SSH server takes as a command line", async () => {
    const command = `: ${"x".repeat(100_000)}; echo done`;
    expect(await guest.run(task(command), hooks)).toEqual({ ok: true, value: undefined });
    expect(output).toBe("done\n");
  });

  test("has exactly the environment it was given and what a login sets", async () => {
    await guest.run(
      task("env | sort", {
        env: [
          ["A", "x=y z"],
          ["PATH", process.env["PATH"] ?? ""],
        ],
      }),
      hooks,
    );
    const names = output
      .trim()
      .split("\n")
      .map((line) => line.split("=", 1)[0]);
    expect(names.filter((name) => !["PWD", "SHLVL", "_", "OLDPWD"].includes(name ?? ""))).toEqual([
      "A",
      "HOME",
      "LOGNAME",
      "PATH",
      "SHELL",
      "USER",
    ]);
    expect(output).toContain("A=x=y z\n");
  });

  test("has nothing on its standard input", async () => {
    await guest.run(task("cat; echo end"), hooks);
    expect(output).toBe("end\n");
  });

  test.each([
    ["exit 3", { reason: "command-failed", exitCode: 3 }],
    ["exit 125", { reason: "command-failed", exitCode: 125 }],
    ["kill -TERM $$", { reason: "command-failed", exitCode: 143 }],
  ])("%s is told as it was", async (command, failure) => {
    expect(await guest.run(task(command), hooks)).toEqual({ ok: false, error: failure });
  });
});

describe("the working directory", () => {
  test.each(["plain", "with space", "semi; touch hacked", "quote'd", "dollar$HOME", "-n"])(
    "%s is made when missing and is where the command runs",
    async (name) => {
      const workdir = join(dir, name);
      await guest.run(task("pwd", { workdir }), hooks);
      expect(output).toBe(`${workdir}\n`);
    },
  );

  test("that cannot be one fails the step before the command", async () => {
    await writeFile(join(dir, "file"), "");
    const ran = await guest.run(task("echo ran", { workdir: join(dir, "file") }), hooks);
    expect(ran).toMatchObject({
      ok: false,
      error: {
        reason: "guest-setup-failed",
        message: `cannot make the working directory ${join(dir, "file")}`,
      },
    });
    expect(output).not.toContain("ran\n");
  });
});

describe.runIf(isRoot)("another user (needs root on this host)", () => {
  test("by ids has these ids and no groups of root", async () => {
    await guest.run(
      task("id -u; id -g; id -G; echo $HOME", { user: { kind: "unix", uid: 54_321, gid: 12_345 } }),
      hooks,
    );
    expect(output).toBe("54321\n12345\n12345\n/\n");
  });

  test("by name has the account's ids and home", async () => {
    await guest.run(
      task("id -un; echo $HOME $USER", { user: { kind: "name", name: "nobody" } }),
      hooks,
    );
    expect(output).toBe("nobody\n/nonexistent nobody\n");
  });

  test("that does not exist fails the step before the command", async () => {
    const ran = await guest.run(
      task("echo ran", { user: { kind: "name", name: "no.body" } }),
      hooks,
    );
    expect(ran).toMatchObject({
      ok: false,
      error: { reason: "guest-setup-failed", message: "the guest has no account no.body" },
    });
    expect(output).toBe("");
  });

  test("keeps the command's exit code", async () => {
    expect(
      await guest.run(task("exit 7", { user: { kind: "unix", uid: 54_321, gid: 12_345 } }), hooks),
    ).toEqual({ ok: false, error: { reason: "command-failed", exitCode: 7 } });
  });
});

describe.runIf(isRoot)("copy (needs root on this host)", () => {
  async function copy(destination: string, uid = 1234): Promise<void> {
    const context = join(dir, "context");
    const scanned = await scanSource({
      contextDir: context,
      path: "tree",
      exclude: [],
      signal: hooks.signal,
    });
    if (!scanned.ok) throw new Error(JSON.stringify(scanned.error));
    const items = [{ manifest: scanned.value, destination }];
    const copied = await guest.copy(
      {
        kind: "copy",
        items,
        user: { kind: "unix", uid, gid: uid },
        openTar: ({ uid: owner, gid, directories, signal }) =>
          manifestTar(items, {
            contextDir: context,
            owner: { uid: owner, gid },
            directories: (path) => directories.has(path),
            signal,
          }),
      },
      hooks,
    );
    expect(copied).toEqual({ ok: true, value: undefined });
  }

  beforeEach(async () => {
    const tree = join(dir, "context", "tree");
    await mkdir(join(tree, "sub dir", "empty"), { recursive: true });
    await writeFile(join(tree, "sub dir", "script"), "#!/bin/sh\n", { mode: 0o700 });
    await writeFile(join(tree, "it's"), "x", { mode: 0o600 });
    await symlink("it's", join(tree, "link"));
  });

  test("owns what it makes and leaves what was there as it was", async () => {
    const home = join(dir, "home");
    await mkdir(join(home, "app", "sub dir"), { recursive: true, mode: 0o711 });
    const before = await stat(home);
    const subBefore = await stat(join(home, "app", "sub dir"));
    await copy(join(home, "app"));
    expect(await stat(home)).toEqual(before);
    const sub = await stat(join(home, "app", "sub dir"));
    expect([sub.uid, sub.mode]).toEqual([subBefore.uid, subBefore.mode]);
    const script = await stat(join(home, "app", "sub dir", "script"));
    expect([script.uid, script.gid, script.mode & 0o7777]).toEqual([1234, 1234, 0o755]);
    const empty = await stat(join(home, "app", "sub dir", "empty"));
    expect([empty.uid, empty.mode & 0o7777]).toEqual([1234, 0o755]);
    expect(await readFile(join(home, "app", "link"), "utf8")).toBe("x");
  });

  test("makes missing ancestors for the user", async () => {
    await copy(join(dir, "new", "deep", "app"));
    expect((await stat(join(dir, "new", "deep"))).uid).toBe(1234);
  });
});
