import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import type { Readable } from "node:stream";
import { dirname, join, resolve } from "node:path";
import { execa } from "execa";
import { inject } from "vitest";
import { type Ran, vmbuild, vmbuildPath } from "./run-vmbuild.ts";

/** The store that `make test` has made the base image in. */
const sharedStore = resolve(process.env["VMBUILD_STORE"] ?? ".vmbuild/store");

/**
 * How the suite's builds start machines: `VMBUILD_BOOT`, so that every test can be run both ways. Absent
 * is as a user has it.
 */
export const bootMode = process.env["VMBUILD_BOOT"] === "cold" ? "cold" : "warm";
const bootEnv = { VMBUILD_BOOT: bootMode };

/** Whether `make test` could make a base image. */
export async function hasBase(name: string): Promise<boolean> {
  return (
    (await stat(join(sharedStore, `base-image/${name}.toml`)).catch(() => undefined)) !== undefined
  );
}

export type Transport = "virtio-scsi" | "stream";

/** Ways for caches and large copies; tests of both run with each. */
export const transports: readonly Transport[] = ["virtio-scsi", "stream"];

export interface RigOptions {
  /** @default the system's directory for temporary files */
  readonly parent?: string;
  /** The base image to have. @default "busybox" */
  readonly base?: string;
  /** How caches and large copies travel. @default as a user has it */
  readonly transport?: Transport;
  /** A store without a layer, where busybox has not been booted yet. @default false */
  readonly fresh?: boolean;
  /** Of its machines. Two that boot at once are sooner there with one each. @default as the base image has it */
  readonly cpus?: number;
}

/** A private store with a base image in it, a build context, and the real command. */
export class VmRig implements AsyncDisposable {
  readonly dir: string;
  readonly store: string;
  readonly #base: string;

  private constructor(dir: string, base: string) {
    this.dir = dir;
    this.store = join(dir, "store");
    this.#base = base;
  }

  static async create(options: RigOptions = {}): Promise<VmRig> {
    const { parent = tmpdir(), base = "busybox", transport, fresh = false, cpus } = options;
    const name = transport === undefined ? base : `${base}-${transport}`;
    const rig = new VmRig(await mkdtemp(join(parent, "vmbuild-vm-")), name);
    for (const dir of ["state", "base-image/sha256"]) {
      await mkdir(join(rig.store, dir), { recursive: true, mode: 0o700 });
    }
    await rig.#take("state/ssh");
    await rig.takeBase(base, cpus);
    if (transport !== undefined) await rig.addBase(name, transport);
    if (name === "busybox" && !fresh) {
      const layer = inject("bootedLayer");
      await mkdir(join(rig.store, "result"), { mode: 0o700 });
      await execa("cp", ["-a", "--reflink=auto", layer, join(rig.store, "result")]);
    }
    return rig;
  }

  /** Brings a base image that `make test` has made. */
  async takeBase(name: string, cpus?: number): Promise<void> {
    const profile = `base-image/${name}.toml`;
    const text = await readFile(join(sharedStore, profile), "utf8");
    for (const [file] of text.matchAll(/sha256\/[0-9a-f]{64}/g)) {
      await this.#take(`base-image/${file}`);
    }
    // A busy host may boot several machines at once; still less than a test's limit, so that a failure is told.
    const patient = text.replace(/^boot-timeout = "1m"$/m, 'boot-timeout = "4m"');
    await writeFile(
      join(this.store, profile),
      cpus === undefined ? patient : patient.replace(/^cpus = .*$/m, `cpus = ${cpus}`),
    );
  }

  async #take(part: string): Promise<void> {
    await execa("cp", ["-a", "--reflink=auto", join(sharedStore, part), join(this.store, part)]);
  }

  /** Writes a file below the rig's directory, which is also the build context. */
  async put(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
    await mkdir(dirname(join(this.dir, path)), { recursive: true });
    await writeFile(join(this.dir, path), content, { mode });
  }

  run(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
    return vmbuild(argv, { cwd: this.dir, env: { VMBUILD_STORE: this.store, ...bootEnv, ...env } });
  }

  /** Gives another name to busybox, with caches and copies that travel as `transport` says. */
  async addBase(name: string, transport: Transport): Promise<void> {
    const profile = await readFile(join(this.store, "base-image/busybox.toml"), "utf8");
    const changed = profile
      .replace(/^bulk-transport = .*$/m, `bulk-transport = "${transport}"`)
      // A transport is in no id, and a layer keeps the profile it was first made with.
      .replace(/^append = "/m, `append = "${transport}=1 `);
    await writeFile(join(this.store, `base-image/${name}.toml`), changed);
  }

  /** Builds `ops` on the rig's base; the spec is `test.spec`. */
  async build(ops: string, flags: readonly string[] = [], base = this.#base): Promise<Ran> {
    await this.put("test.spec", spec(ops, base));
    return this.run(["build", "-f", "test.spec", ...flags]);
  }

  /** As {@link build}, and fails when the build does. Gives the id. */
  async built(ops: string, flags: readonly string[] = [], base = this.#base): Promise<string> {
    const ran = await this.build(ops, flags, base);
    if (ran.exitCode !== 0)
      throw new Error(`the build failed with ${ran.exitCode}:\n${ran.stderr}`);
    return ran.stdout.split("\n").at(-1) ?? "";
  }

  /** What a step printed. */
  async log(id: string): Promise<string> {
    const { stdout } = await this.run(["log", id]);
    return stdout;
  }

  /** Starts a build that the test will end itself. */
  async start(
    ops: string,
    flags: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
  ): Promise<RunningBuild> {
    await this.put("test.spec", spec(ops, this.#base));
    const child = spawn(
      process.execPath,
      [vmbuildPath, "build", "-v", "-f", "test.spec", ...flags],
      {
        cwd: this.dir,
        env: {
          PATH: process.env["PATH"],
          HOME: this.dir,
          VMBUILD_STORE: this.store,
          ...bootEnv,
          ...env,
        },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    return new RunningBuild(child);
  }

  /** Pids of the machines that use this rig's store. */
  async machines(): Promise<readonly number[]> {
    const pids: number[] = [];
    for (const entry of await readdir("/proc")) {
      if (!/^\d+$/.test(entry)) continue;
      const argv = await readFile(`/proc/${entry}/cmdline`, "utf8").catch(() => "");
      if (/(^|\/)qemu-system-/.test(argv.split("\0", 1)[0] ?? "") && argv.includes(this.store)) {
        pids.push(Number(entry));
      }
    }
    return pids;
  }

  /** Entries of a directory of the store. */
  entries(dir: string): Promise<readonly string[]> {
    return readdir(join(this.store, dir));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pid of await this.machines()) process.kill(pid, "SIGKILL");
    await rm(this.dir, { recursive: true, force: true });
  }
}

/** A build that goes on while the test looks. */
export class RunningBuild {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | undefined>;
  readonly #watchers = new Set<() => void>();
  #output = "";

  constructor(child: ChildProcessByStdio<null, Readable, Readable>) {
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        this.#output += chunk.toString();
        for (const watch of this.#watchers) watch();
      });
    }
    this.#ended = new Promise((resolve) => {
      child.once("close", (code) => resolve(code ?? undefined));
    });
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** Resolves when the build has printed `text`; rejects when it ends without. */
  async saw(text: string): Promise<void> {
    const seen = new Promise<true>((resolve) => {
      const watch = (): void => {
        if (this.#output.includes(text)) resolve(true);
      };
      this.#watchers.add(watch);
      watch();
    });
    const isSeen = await Promise.race([seen, this.#ended.then(() => false)]);
    if (!isSeen && !this.#output.includes(text)) {
      throw new Error(`the build ended without printing ${text}:\n${this.#output}`);
    }
  }

  /** Sends a signal to the program alone and waits for its end. */
  async end(signal: NodeJS.Signals): Promise<{ exitCode: number | undefined; output: string }> {
    this.#child.kill(signal);
    return this.ended();
  }

  async ended(): Promise<{ exitCode: number | undefined; output: string }> {
    const exitCode = await this.#ended;
    return { exitCode, output: this.#output };
  }
}

function spec(ops: string, base: string): string {
  return `((from ${base})\n${ops})\n`;
}
