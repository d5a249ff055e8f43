import { randomBytes } from "node:crypto";
import { directoriesOf } from "../context/tar-entries.ts";
import type { ManifestTar } from "../context/tar-stream.ts";
import type { Session } from "../machine/session.ts";
import type { StepUser } from "../plan/step.ts";
import type { Profile } from "../profile/profile.ts";
import { failed, ok, type Result } from "../result.ts";
import type { ReadFailure, SandboxFailure } from "./failure.ts";
import type {
  AttachedCache,
  Done,
  Guest,
  GuestDisks,
  GuestOptions,
  OfferedSecrets,
} from "./guest.ts";
import { attachCache } from "./posix-cache.ts";
import { copyByDisk, isBulk } from "./copy-by-disk.ts";
import {
  commandScript,
  privilegeOf,
  rootScript,
  rootShell,
  runsAsLogin,
  setupFailedCode,
  setupMarker,
  plainShell,
} from "./posix-command.ts";
import { directoryTests, unpackScript } from "./posix-files.ts";
import { readFiles } from "./posix-read.ts";
import { offerSecrets } from "./posix-secrets.ts";
import { quoteWord } from "../machine/posix-quote.ts";
import { runScript, type ScriptAnswer } from "./remote-script.ts";
import type { CacheAttachment, CommandTask, CopyTask, ReadJob, SandboxHooks } from "./sandbox.ts";

interface Ids {
  readonly uid: number;
  readonly gid: number;
}

/** A Linux or BSD guest with a POSIX shell and tar. */
export class PosixGuest implements Guest {
  readonly #session: Session;
  readonly #profile: Profile;
  readonly #flush: boolean;
  readonly #disks: GuestDisks | undefined;

  constructor(session: Session, profile: Profile, { flush, disks }: GuestOptions) {
    this.#session = session;
    this.#profile = profile;
    this.#flush = flush;
    this.#disks = disks;
  }

  async run(task: CommandTask, hooks: SandboxHooks): Done {
    const refused = this.#refuseUser(task.user);
    if (refused !== undefined) return failed(refused);
    const nonce = randomBytes(12).toString("hex");
    const { command, script } = commandScript(this.#profile, task, {
      nonce,
      flush: this.#flush,
    });
    const marker = Buffer.from(setupMarker(nonce));
    let setupMessage: string | undefined;
    const end = await this.#session.exec({
      ...(command === plainShell && script.length <= this.#session.longestCommand
        ? { command: script }
        : { command, stdin: script }),
      signal: hooks.signal,
      ...(task.timeoutMs === undefined ? {} : { timeoutMs: task.timeoutMs }),
      onStdout: hooks.onOutput,
      onStderr: (chunk) => {
        const at = chunk.indexOf(marker);
        if (at < 0) return hooks.onOutput(chunk);
        setupMessage = chunk
          .subarray(at + marker.length)
          .toString("utf8")
          .trim();
        return hooks.onOutput(chunk.subarray(0, at));
      },
    });
    if (!end.ok) return end;
    switch (end.value.kind) {
      case "timed-out":
        return failed({ reason: "command-timed-out", timeoutMs: task.timeoutMs ?? 0 });
      case "signalled":
        return failed({ reason: "command-failed", signal: end.value.signal });
      case "exited":
        if (end.value.code === 0) return ok();
        if (end.value.code === setupFailedCode && setupMessage !== undefined) {
          return failed(setupFailure(setupMessage));
        }
        return failed({ reason: "command-failed", exitCode: end.value.code });
    }
  }

  async attach(
    cache: CacheAttachment,
    index: number,
    task: CommandTask,
    hooks: SandboxHooks,
  ): Promise<Result<AttachedCache, SandboxFailure>> {
    const refused = this.#refuseWithoutRoot("mount a cache");
    if (refused !== undefined) return failed(refused);
    return attachCache({
      session: this.#session,
      profile: this.#profile,
      disks: this.#disks,
      owner: async () => {
        const ids = await this.#idsOf(task.user, hooks.signal);
        return ids.ok ? ok(`${ids.value.uid}:${ids.value.gid}`) : ids;
      },
      cache,
      place: { index, target: cache.target },
      hooks,
    });
  }

  async offerSecrets(
    task: CommandTask,
    signal: AbortSignal,
  ): Promise<Result<OfferedSecrets, SandboxFailure>> {
    const refused = this.#refuseWithoutRoot("hand a secret to a step");
    if (refused !== undefined) return failed(refused);
    const ids = await this.#idsOf(task.user, signal);
    if (!ids.ok) return ids;
    return offerSecrets({
      session: this.#session,
      profile: this.#profile,
      secrets: task.secrets ?? [],
      owner: `${ids.value.uid}:${ids.value.gid}`,
      workdir: task.workdir,
      signal,
    });
  }

  async copy(task: CopyTask, hooks: SandboxHooks): Done {
    const { signal } = hooks;
    const ids = await this.#idsOf(task.user, signal);
    if (!ids.ok) return ids;
    const asRoot = privilegeOf(this.#profile) !== "none";
    if (!asRoot) {
      const refused = this.#refuseUser(task.user);
      if (refused !== undefined) return failed(refused);
    }
    const wanted = directoriesOf(task.items);
    const tests = await runScript(this.#session, {
      command: rootShell(this.#profile),
      stdin: directoryTests(wanted),
      signal,
      stdoutBytes: wanted.length,
    });
    if (!tests.ok) return tests;
    if (tests.value.code !== 0 || tests.value.stdout.length !== wanted.length) {
      return failed(rootFailure(this.#profile, tests.value));
    }
    const missing = new Set(wanted.filter((_, index) => tests.value.stdout[index] === "0"));
    const openTar = () => task.openTar({ ...ids.value, directories: missing, signal });
    const byDisk =
      this.#disks !== undefined && asRoot && isBulk(task.items)
        ? await copyByDisk({
            session: this.#session,
            profile: this.#profile,
            disks: this.#disks,
            tar: openTar(),
            hooks,
          })
        : undefined;
    const unpacked = byDisk ?? (await this.#unpack(openTar(), asRoot, hooks));
    if (!unpacked.ok) return unpacked;
    if (unpacked.value.code === 0) return ok();
    return failed({
      reason: "copy-failed",
      message: unpacked.value.stderr || `tar ended with ${unpacked.value.code} in the guest`,
    });
  }

  read(
    files: Pick<ReadJob, "paths" | "archivePath">,
    signal: AbortSignal,
  ): Promise<Result<void, ReadFailure>> {
    const [session, profile, disks] = [this.#session, this.#profile, this.#disks];
    return readFiles({ session, profile, disks, ...files, signal });
  }

  async #unpack(
    tar: ManifestTar,
    asRoot: boolean,
    hooks: SandboxHooks,
  ): Promise<Result<ScriptAnswer, SandboxFailure>> {
    const { signal } = hooks;
    const unpacked = await runScript(this.#session, {
      command: rootScript(this.#profile, unpackScript(asRoot)),
      stdin: tar.stream,
      signal,
      stdoutTo: hooks.onOutput,
    });
    tar.stream.destroy();
    const sent = await tar.outcome;
    // A stream that the guest cut off is the guest's failure, told by its own end.
    return !sent.ok && sent.error.reason !== "cancelled" ? sent : unpacked;
  }

  /** The numbers a user stands for in this guest. */
  async #idsOf(user: StepUser, signal: AbortSignal): Promise<Result<Ids, SandboxFailure>> {
    if (user.kind === "unix") return ok({ uid: user.uid, gid: user.gid });
    if (user.kind === "login" && this.#profile.login.user === "root") return ok({ uid: 0, gid: 0 });
    const name = user.kind === "name" ? ` ${quoteWord(user.name)}` : "";
    const answer = await runScript(this.#session, {
      command: "exec /bin/sh",
      stdin: `id -u${name} && id -g${name}\n`,
      signal,
    });
    if (!answer.ok) return answer;
    const [uid, gid] = answer.value.stdout.trim().split("\n").map(Number);
    if (answer.value.code !== 0 || !Number.isInteger(uid) || !Number.isInteger(gid)) {
      return failed(setupFailure(answer.value.stderr || `cannot tell the ids of the user${name}`));
    }
    return ok({ uid: uid as number, gid: gid as number });
  }

  #refuseUser(user: StepUser): SandboxFailure | undefined {
    if (runsAsLogin(this.#profile, user) || privilegeOf(this.#profile) !== "none") return undefined;
    return this.#refuseWithoutRoot("run a step as another user");
  }

  #refuseWithoutRoot(purpose: string): SandboxFailure | undefined {
    if (privilegeOf(this.#profile) !== "none") return undefined;
    return setupFailure(
      `only root can ${purpose}, and the guest is entered as ${this.#profile.login.user}`,
    );
  }
}

function setupFailure(message: string): SandboxFailure {
  return {
    reason: "guest-setup-failed",
    message,
    hint: 'check the spec\'s `user` and `workdir`, and `[login] user` and `become` ("sudo" or "doas") in the base image\'s profile',
  };
}

function rootFailure(profile: Profile, answer: ScriptAnswer): SandboxFailure {
  return setupFailure(
    answer.stderr || `${profile.login.become} ended with ${answer.code} in the guest`,
  );
}
