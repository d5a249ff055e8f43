import { randomBytes } from "node:crypto";
import { open } from "node:fs/promises";
import { directoriesOf } from "../context/tar-entries.ts";
import type { Session } from "../machine/session.ts";
import type { Profile } from "../profile/profile.ts";
import { failed, ok, type Result } from "../result.ts";
import type { SandboxFailure } from "./failure.ts";
import { fdStream } from "./fd-stream.ts";
import type { AttachedCache, Done, Guest } from "./guest.ts";
import { holdsAnother, inPlaceCache } from "./in-place-cache.ts";
import { MarkedOutput } from "./marked-output.ts";
import { powershellCommand } from "./powershell.ts";
import { runScript } from "./remote-script.ts";
import type {
  CacheAttachment,
  CommandTask,
  CopyTask,
  SandboxHooks,
  SandboxTask,
} from "./sandbox.ts";
import {
  windowsCommandScript,
  windowsSetupFailedCode,
  windowsSetupMarker,
} from "./windows-command.ts";
import {
  windowsAttach,
  windowsDetach,
  windowsDirectoryTests,
  windowsFill,
  windowsNameProblem,
  windowsRemove,
  windowsSave,
  windowsTargetProblem,
  windowsUnpack,
} from "./windows-files.ts";

/** Says why a task cannot run in a Windows guest, whatever the guest has. */
export function checkWindowsTask(
  { login }: Profile,
  task: SandboxTask,
): Result<void, SandboxFailure> {
  const { user } = task;
  if (user.kind === "unix") {
    return failed(
      setupFailure(
        `there is no uid ${user.uid} in a Windows guest`,
        `leave \`user\` out, or write (user (name ${login.user}))`,
      ),
    );
  }
  if (user.kind === "name" && user.name.toLowerCase() !== login.user.toLowerCase()) {
    return failed(
      setupFailure(
        `a step cannot run as ${user.name} in a Windows guest that is entered as ${login.user}`,
        "make it `[login] user` in the base image's profile, or leave `user` out",
      ),
    );
  }
  if (task.kind === "copy") {
    const problem = windowsNameProblem(task.items);
    return problem === undefined ? ok() : failed({ reason: "copy-failed", message: problem });
  }
  for (const { name, target } of task.caches) {
    const message = windowsTargetProblem(target);
    if (message !== undefined) {
      return failed({ reason: "cache-failed", cache: name, target, message });
    }
  }
  const script = windowsCommandScript(task, "");
  return script.ok
    ? ok()
    : failed(setupFailure(script.error, "change the spec's `run` or `shell`"));
}

/** A Windows guest with PowerShell and tar.exe, whose SSH server runs commands by cmd.exe. */
export class WindowsGuest implements Guest {
  readonly #session: Session;
  readonly #profile: Profile;

  constructor(session: Session, profile: Profile) {
    this.#session = session;
    this.#profile = profile;
  }

  async run(task: CommandTask, hooks: SandboxHooks): Done {
    const possible = checkWindowsTask(this.#profile, task);
    if (!possible.ok) return possible;
    const nonce = randomBytes(12).toString("hex");
    const script = windowsCommandScript(task, nonce);
    if (!script.ok) throw new Error(`Internal error: ${script.error}`);
    const output = new MarkedOutput(windowsSetupMarker(nonce), hooks.onOutput);
    const end = await this.#session.exec({
      command: powershellCommand,
      stdin: script.value,
      signal: hooks.signal,
      ...(task.timeoutMs === undefined ? {} : { timeoutMs: task.timeoutMs }),
      onStdout: (chunk) => output.add(chunk),
      onStderr: hooks.onOutput,
    });
    if (!end.ok) return end;
    if (output.message === undefined) await output.end();
    switch (end.value.kind) {
      case "timed-out":
        return failed({ reason: "command-timed-out", timeoutMs: task.timeoutMs ?? 0 });
      case "signalled":
        return failed({ reason: "command-failed", signal: end.value.signal });
      case "exited":
        if (end.value.code === 0) return ok();
        if (end.value.code === windowsSetupFailedCode && output.message !== undefined) {
          return failed(startFailure(task, output.message));
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
    const place = { index, target: cache.target };
    const { signal } = hooks;
    const script = (stop: AbortSignal, stdin: string) =>
      this.#inCache(cache, { command: powershellCommand, stdin, signal: stop });
    const tar = cache.content === undefined ? undefined : await cache.openTar(signal);
    if (signal.aborted) return failed({ reason: "cancelled" });
    if (tar?.ok === false) {
      hooks.onWarning(`the cache ${cache.name} is damaged and starts anew: ${tar.error}`);
      cache.startAnew();
    }
    const attached = await script(signal, windowsAttach(place));
    if (!attached.ok) return attached;
    if (tar?.ok === true) {
      const { fd, sizeBytes } = tar.value;
      const stdin = fdStream(fd, sizeBytes);
      const filled = await this.#inCache(cache, { command: windowsFill(place), stdin, signal });
      if (!filled.ok) return filled;
    }
    return ok(
      inPlaceCache({
        cache,
        holdsAnother: holdsAnother(cache, task.caches),
        save: (stop) => this.#save(cache, windowsSave(place), stop),
        takeOut: async (stop) => {
          const removed = await this.#inCache(cache, {
            command: windowsRemove(place),
            signal: stop,
          });
          return removed.ok ? script(stop, windowsDetach(place)) : removed;
        },
      }),
    );
  }

  async copy(task: CopyTask, hooks: SandboxHooks): Done {
    const possible = checkWindowsTask(this.#profile, task);
    if (!possible.ok) return possible;
    const { signal } = hooks;
    const wanted = directoriesOf(task.items);
    const tests = await runScript(this.#session, {
      command: powershellCommand,
      stdin: windowsDirectoryTests(wanted),
      signal,
      stdoutBytes: wanted.length,
    });
    if (!tests.ok) return tests;
    const { code, stdout, stderr } = tests.value;
    if (code !== 0 || !/^[01]*$/.test(stdout) || stdout.length !== wanted.length) {
      return failed(notCmd(stderr || stdout));
    }
    const missing = new Set(wanted.filter((_, index) => stdout[index] === "0"));
    const tar = task.openTar({ uid: 0, gid: 0, directories: missing, signal });
    const unpacked = await runScript(this.#session, {
      command: windowsUnpack(task.items),
      stdin: tar.stream,
      signal,
      stdoutTo: hooks.onOutput,
    });
    tar.stream.destroy();
    const sent = await tar.outcome;
    // A stream that the guest cut off is the guest's failure, told by its own end.
    if (!sent.ok && sent.error.reason !== "cancelled") return sent;
    if (!unpacked.ok) return unpacked;
    if (unpacked.value.code === 0) return ok();
    return failed({
      reason: "copy-failed",
      message: unpacked.value.stderr || `tar.exe ended with ${unpacked.value.code} in the guest`,
    });
  }

  async #save(cache: CacheAttachment, command: string, signal: AbortSignal): Done {
    const file = await open(cache.newContentPath, "wx", 0o600);
    try {
      return await this.#inCache(cache, {
        command,
        signal,
        stdoutTo: async (chunk) => {
          await file.writeFile(chunk);
        },
      });
    } finally {
      await file.close();
    }
  }

  async #inCache(
    { name, target }: CacheAttachment,
    request: Parameters<typeof runScript>[1],
  ): Done {
    const answer = await runScript(this.#session, request);
    if (!answer.ok) return answer;
    const { code, stdout, stderr } = answer.value;
    if (code === 0) return ok();
    const message = stderr || stdout.trim() || `the command in the guest ended with ${code}`;
    return failed({ reason: "cache-failed", cache: name, target, message });
  }
}

function startFailure(task: CommandTask, what: string): SandboxFailure {
  return what === "workdir"
    ? setupFailure(
        `cannot make the working directory ${task.workdir}`,
        "check the spec's `workdir`: nothing but a directory may be there, on a drive that the guest has",
      )
    : setupFailure(
        `cannot start ${task.shell[0] ?? ""} in ${task.workdir}`,
        "check the spec's `shell`, and `Path` if it is set",
      );
}

function notCmd(said: string): SandboxFailure {
  return setupFailure(
    `PowerShell did not answer in the guest${said === "" ? "" : `: ${said}`}`,
    "the guest's SSH server must run commands by cmd.exe, as it does unless it is told otherwise (DefaultShell), and Windows PowerShell must be in its Path",
  );
}

function setupFailure(message: string, hint: string): SandboxFailure {
  return { reason: "guest-setup-failed", message, hint };
}
