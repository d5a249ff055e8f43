import { spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { scriptSession, type ScriptedAnswer } from "../../test/support/script-session.ts";
import { scanSource } from "../context/scan.ts";
import { manifestTar } from "../context/tar-stream.ts";
import { defaultProfile } from "../profile/default-profile.ts";
import { ok } from "../result.ts";
import { checkTask } from "./guest-of.ts";
import { powershellCommand } from "./powershell.ts";
import type { CacheAttachment, CommandTask, CopyTask, SandboxHooks } from "./sandbox.ts";
import { WindowsGuest } from "./windows-guest.ts";
import { workInGuest } from "./work-in-guest.ts";

const profile = defaultProfile("windows", "x86_64");
const hasBsdtar = spawnSync("bsdtar", ["--version"]).status === 0;

let dir: string;
let output: string;
const descriptors: number[] = [];
let hooks: SandboxHooks;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-windows-"));
  output = "";
  hooks = {
    signal: new AbortController().signal,
    onPhase() {},
    onOutput: (chunk) => void (output += chunk.toString()),
    onWarning: (message) => void (output += `warning: ${message}\n`),
    onMachine() {},
  };
});

afterEach(async () => {
  for (const fd of descriptors.splice(0)) closeSync(fd);
  await rm(dir, { recursive: true, force: true });
});

function task(overrides: Partial<CommandTask> = {}): CommandTask {
  return {
    kind: "command",
    command: "dir",
    shell: ["cmd", "/S", "/C"],
    workdir: "C:\\src",
    env: [],
    user: { kind: "login" },
    caches: [],
    ...overrides,
  };
}

describe("a command", () => {
  async function run(answer: (marker: string) => ScriptedAnswer) {
    const session = scriptSession(({ command, stdin }) => {
      expect(command).toBe(powershellCommand);
      return answer(/vmbuild-setup-[0-9a-f]{24}: /.exec(stdin.toString())?.[0] ?? "");
    });
    return new WindowsGuest(session, profile).run(task(), hooks);
  }

  test("that ends well shows its output", async () => {
    expect(await run(() => ({ stdout: "hello\r\n", stderr: "oops\r\n" }))).toEqual(ok());
    expect(output).toBe("hello\r\noops\r\n");
  });

  test.each([1, 125, 3_221_225_477])("that ends with %i is told so", async (code) => {
    expect(await run(() => ({ code, stdout: "why\n" }))).toEqual({
      ok: false,
      error: { reason: "command-failed", exitCode: code },
    });
    expect(output).toBe("why\n");
  });

  test.each([
    ["workdir", "cannot make the working directory C:\\src"],
    ["program", "cannot start cmd in C:\\src"],
  ])("whose %s fails before it says so", async (what, message) => {
    const ran = await run((marker) => ({ code: 125, stdout: `${marker}${what}\r\n` }));
    expect(ran).toMatchObject({ ok: false, error: { reason: "guest-setup-failed", message } });
    expect(output).toBe("");
  });
});

describe("before anything is booted", () => {
  test.each([
    [{ user: { kind: "unix", uid: 1000, gid: 1000 } }, "there is no uid 1000 in a Windows guest"],
    [
      { user: { kind: "name", name: "ContainerAdministrator" } },
      "a step cannot run as ContainerAdministrator in a Windows guest that is entered as Administrator",
    ],
    [{ command: "echo a\necho b" }, "cmd.exe runs the first line of a command only"],
    [{ env: [["", "x"]] }, '"" is no name of a variable'],
  ] as const)("%j is refused", (overrides, message) => {
    const checked = checkTask(profile, task(overrides));
    expect(checked.ok).toBe(false);
    const error = checked.ok ? undefined : checked.error;
    expect(error).toMatchObject({ reason: "guest-setup-failed" });
    expect(JSON.stringify(error)).toContain(JSON.stringify(message).slice(1, -1));
  });

  test("the account that logs in may be named, in any case", () => {
    expect(checkTask(profile, task({ user: { kind: "name", name: "administrator" } }))).toEqual(
      ok(),
    );
  });

  test("a guest of another system takes what Windows does not", () => {
    const linux = defaultProfile("linux", "x86_64");
    expect(checkTask(linux, task({ user: { kind: "unix", uid: 1, gid: 1 } }))).toEqual(ok());
  });
});

/** Runs the guest's tar.exe as this host's bsdtar, with `root` for C:. */
function tarAnswer(root: string, command: string, stdin: Buffer): ScriptedAnswer {
  const argv = [...command.matchAll(/"([^"]*)"|\S+/g)].map((word) => word[1] ?? word[0]);
  expect(argv[0]).toBe(String.raw`%SystemRoot%\System32\tar.exe`);
  const args = argv.slice(1).map((word) => word.replace(/^C:\\/, `${root}/`).replaceAll("\\", "/"));
  // The code page of most Windows guests is not UTF-8 either.
  const env = { PATH: process.env["PATH"], LC_ALL: "C.UTF-8" };
  const { status, stdout, stderr } = spawnSync("bsdtar", args, { input: stdin, env });
  return { code: status ?? 1, stdout, stderr: stderr.toString() };
}

describe.runIf(hasBsdtar)("copy (needs bsdtar: package libarchive-tools)", () => {
  async function copyTask(destination: string): Promise<CopyTask> {
    const context = join(dir, "context");
    const scanned = await scanSource({
      contextDir: context,
      path: "tree",
      exclude: [],
      signal: hooks.signal,
    });
    if (!scanned.ok) throw new Error(JSON.stringify(scanned.error));
    const items = [{ manifest: scanned.value, destination }];
    return {
      kind: "copy",
      items,
      user: { kind: "login" },
      openTar: ({ uid: owner, gid, directories, signal }) =>
        manifestTar(items, {
          contextDir: context,
          owner: { uid: owner, gid },
          directories: (path) => directories.has(path),
          signal,
        }),
    };
  }

  beforeEach(async () => {
    const tree = join(dir, "context", "tree");
    await mkdir(join(tree, "sub dir", "empty"), { recursive: true });
    await writeFile(join(tree, "sub dir", "é ☃.txt"), "unicode");
    await writeFile(join(tree, "a".repeat(150)), "long");
    await mkdir(join(dir, "C"));
  });

  test("asks for the directories and unpacks by tar.exe", async () => {
    const session = scriptSession(({ command, stdin }) =>
      command === powershellCommand
        ? { stdout: "0".repeat(stdin.toString().split("Exists").length - 1) }
        : tarAnswer(join(dir, "C"), command, stdin),
    );
    const copied = await new WindowsGuest(session, profile).copy(await copyTask("C:/dst"), hooks);
    expect(copied).toEqual(ok());
    const found = await readdir(join(dir, "C", "dst"), { recursive: true });
    expect(found.sort()).toEqual(["a".repeat(150), "sub dir", "sub dir/empty", "sub dir/é ☃.txt"]);
    expect(await readFile(join(dir, "C", "dst", "sub dir", "é ☃.txt"), "utf8")).toBe("unicode");
  });

  test("goes through a symbolic link in the guest's path", async () => {
    await mkdir(join(dir, "C", "real"));
    await symlink("real", join(dir, "C", "dst"));
    const session = scriptSession(({ command, stdin }) =>
      command === powershellCommand ? { stdout: "100" } : tarAnswer(join(dir, "C"), command, stdin),
    );
    const copied = await new WindowsGuest(session, profile).copy(await copyTask("C:/dst"), hooks);
    expect(copied).toEqual(ok());
    expect(await readdir(join(dir, "C", "real"))).toContain("sub dir");
  });

  test("says what tar.exe says", async () => {
    const session = scriptSession(({ command }) =>
      command === powershellCommand ? { stdout: "100" } : { code: 1, stderr: "tar.exe: no room" },
    );
    expect(await new WindowsGuest(session, profile).copy(await copyTask("C:/dst"), hooks)).toEqual({
      ok: false,
      error: { reason: "copy-failed", message: "tar.exe: no room" },
    });
  });

  test("tells of a guest whose SSH server has another shell", async () => {
    const session = scriptSession(() => ({ stdout: "powershell.exe: command not found" }));
    const copied = await new WindowsGuest(session, profile).copy(await copyTask("C:/dst"), hooks);
    expect(copied).toMatchObject({
      ok: false,
      error: { message: "PowerShell did not answer in the guest: pow" },
    });
  });
});

describe("caches", () => {
  async function attachment(
    name: string,
    target: string,
    content?: Buffer,
  ): Promise<CacheAttachment> {
    const path = join(dir, `${name}.tar`);
    if (content !== undefined) await writeFile(path, content);
    return {
      name,
      target,
      content: content === undefined ? undefined : "tar",
      openTar: async () => {
        const fd = openSync(path, "r");
        descriptors.push(fd);
        return ok({ fd, path, sizeBytes: content?.length ?? 0 });
      },
      openDisk: () => Promise.reject(new Error("a Windows guest has no disks")),
      startAnew() {},
      newContentPath: join(dir, `${name}.new`),
    };
  }

  /** What was done, in short. */
  function steps(seen: readonly { command: string; stdin: Buffer }[]): string[] {
    return seen.map(({ command, stdin }) => {
      const script = stdin.toString();
      if (command !== powershellCommand) return command.replace(/^\S*tar.exe/, "tar");
      if (script.includes("Diagnostics.Process]")) return "run";
      return `${script.includes("ReadAllLines") ? "detach" : "attach"} ${/\$target='(.*)'/.exec(script)?.[1]}`;
    });
  }

  test("go in outermost first and come out innermost first, each before the next is saved", async () => {
    const caches = [
      await attachment("inner", "C:\\out\\in"),
      await attachment("outer", "C:\\out", Buffer.from("tar")),
    ];
    const session = scriptSession(({ command }) =>
      command.includes("-c -f") ? { stdout: `content of ${command.slice(-12)}` } : {},
    );
    const saved: { target: string; form: string }[] = [];
    const guest = new WindowsGuest(session, profile);
    const job = { task: task({ caches }), keepFailed: false };
    expect(await workInGuest(guest, job, hooks, saved as never)).toEqual(ok());
    expect(steps(session.seen)).toEqual([
      "attach C:\\out",
      'tar -x -P -f - --options hdrcharset=UTF-8 -C "C:\\out"',
      "attach C:\\out\\in",
      "run",
      'tar -c -f - -C "C:\\out\\in" .',
      'rd /s /q "C:\\out\\in"',
      "detach C:\\out\\in",
      'tar -c -f - -C "C:\\out" .',
      'rd /s /q "C:\\out"',
      "detach C:\\out",
    ]);
    expect(session.seen[1]?.stdin.toString()).toBe("tar");
    expect(saved.map(({ target }) => target)).toEqual(["C:\\out\\in", "C:\\out"]);
    expect(await readFile(join(dir, "outer.new"), "utf8")).toContain("content of");
  });

  test("of a machine that is kept: one that holds another keeps its old content", async () => {
    const caches = [await attachment("in", "C:\\out\\in"), await attachment("out", "C:\\out")];
    const session = scriptSession(({ stdin }) =>
      stdin.toString().includes("Diagnostics.Process]") ? { code: 1 } : {},
    );
    const saved: { target: string }[] = [];
    const job = { task: task({ caches }), keepFailed: true };
    const done = await workInGuest(new WindowsGuest(session, profile), job, hooks, saved as never);
    expect(done).toMatchObject({ ok: false, error: { reason: "command-failed" } });
    expect(saved.map(({ target }) => target)).toEqual(["C:\\out\\in"]);
    expect(output).toContain("warning: the cache out keeps its old content: another cache lies in");
    expect(session.seen.some(({ command }) => command.startsWith("rd "))).toBe(false);
  });

  test("that cannot be taken out fail the step", async () => {
    const caches = [await attachment("c", "C:\\cache")];
    const session = scriptSession(({ stdin }) =>
      stdin.toString().includes("ReadAllLines") ? { code: 1, stdout: "it is in use\r\n" } : {},
    );
    const job = { task: task({ caches }), keepFailed: false };
    expect(await workInGuest(new WindowsGuest(session, profile), job, hooks, [])).toEqual({
      ok: false,
      error: { reason: "cache-failed", cache: "c", target: "C:\\cache", message: "it is in use" },
    });
  });
});
