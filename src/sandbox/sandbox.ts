/**
 * A sandbox runs one task on one disk: boots it, does the work inside, powers it off.
 */
import type { Accelerator } from "../machine/accelerator.ts";
import type { HotPlug } from "../machine/hot-plug.ts";
import type { Session } from "../machine/session.ts";
import type { Profile } from "../profile/profile.ts";
import type { CopyItem, StepUser } from "../plan/step.ts";
import type { Result } from "../result.ts";
import type { ManifestTar } from "../context/tar-stream.ts";
import type { ReadFailure, SandboxFailure } from "./failure.ts";

/** What the machine is given, none of which decides a step's id. */
export interface Resources {
  /** The guest's RAM. */
  readonly memoryBytes: number;
  /** What the machine may take of the host's memory: the guest's RAM and QEMU's own. */
  readonly hostMemoryBytes: number;
  readonly cpus: number;
  readonly accelerator: Accelerator;
  /** From the start of QEMU to the first usable SSH session. */
  readonly bootTimeoutMs: number;
}

export interface SandboxJob {
  readonly profile: Profile;
  readonly resources: Resources;
  /** qcow2 system disk, absolute; written to in place. */
  readonly diskPath: string;
  /** Where the guest's serial console is kept while the job runs. */
  readonly serialLogPath: string;
  /** True lets the guest reach the network (and the host's loopback); false isolates it. */
  readonly network: boolean;
  readonly task: SandboxTask;
  /** A directory for what is needed meanwhile, on the disk's filesystem; not there before the job nor after it. */
  readonly workDir: string;
  /** Leaves the machine running when the task fails, for somebody to look into. */
  readonly keepFailed: boolean;
  /** What the machine may be resumed from and saved to; absent boots one for this job alone. */
  readonly warm?: WarmJob;
}

/**
 * The places of suspended machines around a job. A suspended machine is an optimisation: whatever is
 * wrong with one, the job boots instead.
 */
export interface WarmJob {
  /** Names the layer that the job makes. */
  readonly id: string;
  /** Names the layer it starts from. */
  readonly parent: string;
  /** Where the parent's suspended machine is, if it has one. */
  readonly parentDir: string;
  /** Where to put the machine as it is after the job; nothing is there. */
  readonly dir: string;
  /** The job must begin with a boot of the guest. */
  readonly freshBoot: boolean;
  /** The parent's machine is gone on with. */
  readonly onUsed: () => Promise<void>;
  /** Offers a machine saved in `dir` to all that start from the parent; gives where it is then. */
  readonly offer: (dir: string) => Promise<string>;
}

export type SandboxTask = CommandTask | CopyTask;

/** Runs one command as one account in one directory. */
export interface CommandTask {
  readonly kind: "command";
  /** Appended to `shell` as one argument. */
  readonly command: string;
  readonly shell: readonly string[];
  /** Absolute; made (0755, root) when missing, as runc and Docker do. */
  readonly workdir: string;
  readonly env: readonly (readonly [name: string, value: string])[];
  readonly user: StepUser;
  readonly timeoutMs?: number;
  readonly caches: readonly CacheAttachment[];
  /** Absent is none. A machine that has held one serves no other job, and is not left running. */
  readonly secrets?: readonly SecretAttachment[];
}

/** A file that is there only while the command runs, in the guest's RAM, for the task's user alone to read. */
export interface SecretAttachment {
  readonly id: string;
  /** Absolute path in the guest. */
  readonly target: string;
  readonly value: Uint8Array;
}

/** Whether a task's machine holds a secret. */
export function hasSecrets(task: SandboxTask): boolean {
  return task.kind === "command" && task.secrets !== undefined && task.secrets.length > 0;
}

/** A directory that is there only while the command runs. */
export interface CacheAttachment {
  readonly name: string;
  /** Absolute path in the guest. */
  readonly target: string;
  /** The form of its content; undefined for a new cache, which belongs to the task's user. */
  readonly content: CacheForm | undefined;
  /** The content as a tar stream, whatever its form. Failures are told in words. */
  openTar(signal: AbortSignal): Promise<Result<CacheTar, string>>;
  /** A disk for this task alone, with the content or empty; a second call gives it as the first did. */
  openDisk(signal: AbortSignal): Promise<Result<CacheDisk, string>>;
  /** Gives up the content, which is damaged: the cache is as a new one from now on. */
  startAnew(): void;
  /** Where its content is written afterwards if that is done as a tar stream. */
  readonly newContentPath: string;
}

/** An ext4 file system, with the content in its directory `content`, or a tar stream. */
export type CacheForm = "disk" | "tar";

/** A tar stream in a file that is open for reading from byte 0; the path may go, the descriptor stays. */
export interface CacheTar {
  readonly fd: number;
  readonly path: string;
  readonly sizeBytes: number;
}

/** A qcow2 disk with an ext4 file system. */
export interface CacheDisk {
  readonly path: string;
  /** False when the file system is empty. */
  readonly isFilled: boolean;
}

/** A cache whose new content is complete: on its disk, or at its `newContentPath`. */
export interface SavedCache {
  readonly target: string;
  readonly form: CacheForm;
}

/** Brings files into the guest. What existed is never re-owned; missing directories are made. */
export interface CopyTask {
  readonly kind: "copy";
  readonly items: readonly CopyItem[];
  /** Owner of everything that is copied. */
  readonly user: StepUser;
  /** The files as a tar stream, with directory entries for just the paths in `directories`. */
  readonly openTar: (options: CopyTarOptions) => ManifestTar;
}

export interface CopyTarOptions {
  readonly uid: number;
  readonly gid: number;
  readonly directories: ReadonlySet<string>;
  readonly signal: AbortSignal;
}

/** A guest to be shut down. */
export interface ShutDownJob extends Pick<
  SandboxJob,
  "profile" | "resources" | "diskPath" | "serialLogPath"
> {
  /** Where the machine may have been saved that goes with what the disk is layered on. */
  readonly suspendedDir: string;
  /** As in {@link SandboxJob}. */
  readonly workDir: string;
}

export type ShutDownHooks = Pick<SandboxHooks, "signal" | "onMachine">;

/** Files to be taken out of a guest. */
export interface ReadJob extends ShutDownJob {
  /** Names the layer that the disk is layered on: its machine may be at hand. */
  readonly id: string;
  /** Absolute, `/`-separated. Each comes with all below it on the same file system; symlinks are not followed. */
  readonly paths: readonly string[];
  /** Where the tar archive of them goes, a file to be made. What a guest writes there is not to be trusted. */
  readonly archivePath: string;
}

/** A guest that is to do something with disks that are no part of it. */
export interface LendJob extends ShutDownJob {
  /** As in {@link SandboxJob}. */
  readonly network: boolean;
  /** Names the layer that the disk is layered on. */
  readonly id: string;
  /** As in {@link WarmJob}: the machine that is booted serves all that start at that layer. */
  readonly onUsed: () => Promise<void>;
  readonly offer: (dir: string) => Promise<string>;
}

/** A guest that runs. */
export interface LentGuest {
  /** As whom {@link profile} logs in; `rootShell` gives root. */
  readonly session: Session;
  readonly profile: Profile;
  /** What is plugged in has to be out again before the guest is given back, or its content is lost. */
  readonly hotPlug: Pick<HotPlug, "plug">;
}

/** Where a job is, for progress. */
export type SandboxPhase =
  | "booting"
  | "connecting"
  | "resuming"
  | "caches-in"
  | "running"
  | "copying"
  | "caches-out"
  | "powering-off"
  | "suspending";

export interface SandboxHooks {
  readonly signal: AbortSignal;
  readonly onPhase: (phase: SandboxPhase) => void;
  /** The task's output, both streams, in order of arrival. Awaited, so a slow reader slows the guest. */
  readonly onOutput: (chunk: Buffer) => void | Promise<void>;
  /** Something worth a line that did not fail the task. */
  readonly onWarning: (message: string) => void;
  /** The machine's process, as soon as there is one, so that it can be found after a crash. */
  readonly onMachine: (pid: number) => void | Promise<void>;
  /**
   * The task is done and nothing writes to the disk any more, while there is still something to do with the machine.
   * Need not come: the end of a successful job means the same.
   */
  readonly onDiskComplete?: () => void;
}

/** What a successful job leaves besides the disk. */
export interface SandboxReport {
  /** The caches whose new content was written completely; only these may be published. */
  readonly savedCaches: readonly SavedCache[];
  /**
   * True when the guest was not shut down: what it wrote is on the disk, and its filesystems are as after
   * a power failure.
   */
  readonly running?: boolean;
}

/** A failed job; `savedCaches` as in {@link SandboxReport}, since a failed command's caches are still good. */
export interface FailedJob {
  readonly failure: SandboxFailure;
  readonly savedCaches: readonly SavedCache[];
  /** The machine that was left running, with `keepFailed`. */
  readonly kept?: KeptMachine;
}

export interface KeptMachine {
  readonly pid: number;
  /** A command line that logs into it. */
  readonly sshCommand: string;
}

/** What machines that wait for a next job may take. */
export interface Room {
  readonly machines: number;
  /** Of the host, see {@link Resources}. */
  readonly memoryBytes: number;
  /** A machine that stands at this layer is about to be gone on with: it stays, and does not count. */
  readonly next?: string;
}

export interface Sandbox {
  /**
   * Runs a job to its end.
   *
   * On success the guest is off and its disk complete. On failure the disk is worthless, and unless
   * `keepFailed` held, nothing is left running. Never throws for what a guest does.
   */
  run(job: SandboxJob, hooks: SandboxHooks): Promise<Result<SandboxReport, FailedJob>>;
  /** Shuts down the guest of a disk that was left running; its filesystems are clean afterwards. */
  shutDown(job: ShutDownJob, hooks: ShutDownHooks): Promise<Result<void, SandboxFailure>>;
  /**
   * Takes files out of a guest, which is ended then. Its disk is worthless afterwards. The archive is complete when
   * this succeeds: every path is in it.
   */
  read(job: ReadJob, hooks: ShutDownHooks): Promise<Result<void, ReadFailure>>;
  /**
   * Lends a guest to `use`, after which it is ended. Its own disk is worthless
   * afterwards. Fails when there is no such guest, or none that disks can be plugged into; rejects with what `use`
   * rejects with.
   */
  lend<T>(
    job: LendJob,
    hooks: ShutDownHooks,
    use: (guest: LentGuest) => Promise<T>,
  ): Promise<Result<T, SandboxFailure>>;
  /**
   * Ends machines that wait for a next job: those that waited longest, until the others fit into `room`; without it
   * all. There may be jobs afterwards.
   */
  rest(room?: Room): Promise<void>;
}
