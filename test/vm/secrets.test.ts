import { createHash, randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { readdir, readFile } from "node:fs/promises";
import { execa } from "execa";
import { describe, expect, test } from "vitest";
import { bootMode, VmRig } from "../support/vm-rig.ts";

/** A host that a step asks to wait: it goes on when the test says so. */
class Hold implements AsyncDisposable {
  readonly #server: Server;
  #release = (): void => {};
  /** Resolves when the step waits. */
  readonly waiting: Promise<void>;

  private constructor() {
    let asked = (): void => {};
    this.waiting = new Promise((resolve) => (asked = resolve));
    this.#server = createServer((_, response) => {
      this.#release = () => void response.end("go on\n");
      asked();
    });
  }

  static async create(): Promise<Hold> {
    const hold = new Hold();
    await new Promise<void>((resolve) => hold.#server.listen(0, "127.0.0.1", resolve));
    return hold;
  }

  /** A guest's command that waits. */
  get command(): string {
    return `wget -q -O /dev/null http://10.0.2.2:${(this.#server.address() as AddressInfo).port}/`;
  }

  goOn(): void {
    this.#release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#release();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** The files below `dir` with `text` in their bytes, whatever they are. */
async function filesWith(text: string, dir: string): Promise<readonly string[]> {
  const found = await execa("grep", ["-rlF", "--devices=skip", "-e", text, dir], { reject: false });
  // Files come and go while a build runs.
  if (found.exitCode === 2 && !found.stderr.includes("No such file")) throw new Error(found.stderr);
  return found.stdout.split("\n").filter((line) => line !== "");
}

/** What everybody on the host can see of a process and of those it has started. */
async function visibleOf(
  pid: number,
): Promise<{ readonly own: string; readonly children: string }> {
  const seen = async (of: number, file: string): Promise<string> =>
    readFile(`/proc/${of}/${file}`, "latin1").catch(() => "");
  const children: number[] = [];
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = /^PPid:\s*(\d+)$/m.exec(await seen(Number(entry), "status"))?.[1];
    if (Number(parent) === pid) children.push(Number(entry));
  }
  const texts = children.map(
    async (child) => (await seen(child, "cmdline")) + (await seen(child, "environ")),
  );
  return { own: await seen(pid, "cmdline"), children: (await Promise.all(texts)).join("\0") };
}

describe(`a secret in a ${bootMode} build`, () => {
  test("is for its step alone, and is left nowhere", async () => {
    await using rig = await VmRig.create({ fresh: true });
    await using hold = await Hold.create();
    const [control, token, second, binary] = [0, 1, 2, 3].map(() =>
      randomBytes(32).toString("hex"),
    );
    // In two lines, and with bytes that no text has.
    const value = Buffer.concat([
      Buffer.from(`${token}\n\0\xff`, "latin1"),
      Buffer.from(`${second}\n`),
    ]);
    await rig.put("in/value", value);
    const digest = createHash("sha256").update(value).digest("hex");
    const ops = `
      (run (shell "echo ${control} | tee /control"))
      (user (uid 4321) (gid 8765))
      (run
       (cache (c (target /c)))
       (network host)
       (secrets (token (target /run/secrets/token)) (deep (target "/etc/new dir/er/it's")) (shadow (target /etc/shadow))
         (cached (target /c/in/cached)))
       (shell "
         id -u; stat -c '%a %u:%g' /run/secrets/token '/etc/new dir/er/it'\\\\''s' /etc/shadow /c/in/cached
         sha256sum /run/secrets/token | cut -c 1-64; cat /run/secrets/token; cat /etc/shadow
         (echo x >/run/secrets/token) 2>/dev/null || echo read-only
         touch /c/kept; printf 'in halves: '; head -c 20 /etc/shadow; ${hold.command}; tail -c 44 /etc/shadow; echo"))
      (user (uid 0) (gid 0))
      (run (cache (c (target /c)))
       (shell "find /c; ls -d /.vmbuild/secrets /run/secrets /etc/new*; stat -c %a /etc/shadow; grep -c vmbuild-secrets /proc/mounts; cat /control"))`;
    const environment = {
      CONTROL: control ?? "",
      SHADOW_FILE: binary ?? "",
      TMPDIR: `${rig.dir}/tmp`,
      XDG_RUNTIME_DIR: `${rig.dir}/run`,
    };
    await rig.put("tmp/x", "");
    await rig.put("run/x", "");
    const build = await rig.start(
      ops,
      [
        "--secret",
        "token:in/value",
        "--secret",
        "deep:in/value",
        "--secret",
        "cached:in/value",
        "--secret",
        "shadow=env:SHADOW_FILE",
      ],
      environment,
    );
    await Promise.race([
      hold.waiting,
      build.ended().then(({ output }) => Promise.reject(new Error(output))),
    ]);

    const values = [token, second, binary] as string[];
    const lookEverywhere = async (): Promise<void> => {
      for (const text of values) {
        expect(
          (await filesWith(text, rig.dir)).filter((file) => file !== `${rig.dir}/in/value`),
        ).toEqual([]);
        expect(await filesWith(text, "/dev/shm")).toEqual([]);
      }
    };
    await lookEverywhere();
    const { own, children } = await visibleOf(build.pid);
    expect(own).toContain("test.spec");
    expect(children).toContain("qemu-system");
    // The search finds what is there: QEMU has the environment that vmbuild was given, but for the secret's variable.
    expect(children).toContain(control);
    for (const text of values) expect(own + children).not.toContain(text);
    expect(children).not.toContain("SHADOW_FILE");
    hold.goOn();

    const { exitCode, output } = await build.ended();
    expect(exitCode, output).toBe(0);
    await lookEverywhere();
    const controls = await filesWith(control ?? "", rig.store);
    const kinds =
      bootMode === "warm"
        ? ["/log", "/rootfs/image.qcow2", "/machine/ram-"]
        : ["/log", "/rootfs/image.qcow2"];
    for (const kind of kinds)
      expect(
        controls.filter((file) => file.includes(kind)),
        kind,
      ).not.toEqual([]);

    const lines = output.split("\n").flatMap((line) => /^\[3\/4\] \| (.*)$/.exec(line)?.[1] ?? []);
    expect(lines).toEqual([
      "4321",
      ...Array<string>(4).fill("400 4321:8765"),
      digest,
      "***",
      "***",
      "***read-only",
      "in halves: ***",
    ]);
    for (const text of values) expect(output).not.toContain(text);
    const next = output.split("\n").flatMap((line) => /^\[4\/4\] \| (.*)$/.exec(line)?.[1] ?? []);
    expect(next.filter((line) => !line.startsWith("ls: "))).toEqual([
      "/c",
      "/c/kept",
      "600",
      "0",
      control,
    ]);
    // The machine that has held a secret is not gone on with.
    expect(output.match(/\] booting$/gm)).toHaveLength(bootMode === "warm" ? 2 : 3);
    expect(await rig.machines()).toEqual([]);
  }, 600_000);
});

test("a step that fails with a secret ends its machine, also with --keep-failed", async () => {
  await using rig = await VmRig.create();
  await rig.put("value", "hunter22");
  const secret = ["--secret", "k:value"];
  const ran = await rig.build(`(run (secrets (k (target /k))) (shell "cat /k; exit 3"))`, [
    ...secret,
    "--keep-failed",
  ]);
  expect(ran.exitCode, ran.stderr).toBe(1);
  expect(ran.stderr).toContain("| ***\n");
  expect(ran.stderr).toContain(
    "warning: its machine is not left running, since it has held a secret",
  );
  expect(ran.stderr).not.toContain("log in with");
  expect(await rig.machines()).toEqual([]);

  const directory = await rig.build(`(run (secrets (k (target /etc))) (shell "echo ran"))`, secret);
  expect(directory.exitCode, directory.stderr).toBe(5);
  expect(directory.stderr).toContain("the secret k could not be offered at /etc");
  expect(directory.stderr).toContain("/etc is a directory");
  expect(directory.stderr).not.toContain("| ran");
});
