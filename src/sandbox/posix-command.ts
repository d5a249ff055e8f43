/**
 * Shell scripts that a POSIX guest is given. Pure text: nothing here talks to a guest.
 */
import type { StepUser } from "../plan/step.ts";
import type { Profile } from "../profile/profile.ts";
import type { CommandTask } from "./sandbox.ts";
import { byPerl } from "./become-by-perl.ts";
import { quoteArgv, quoteWord } from "../machine/posix-quote.ts";

/** How a script gets the rights it needs, from how the profile logs in. */
export type Privilege =
  /** The login account is root. */
  | "root"
  /** It can become root. */
  | "become"
  /** It is all there is. */
  | "none";

export function privilegeOf(profile: Profile): Privilege {
  if (profile.login.user === "root") return "root";
  return profile.login.become === "none" ? "none" : "become";
}

/** The command line that starts a shell as whoever logs in, reading its script from standard input. */
export const plainShell = "exec /bin/sh";

/** The command line that starts a root shell reading its script from standard input. */
export function rootShell(profile: Profile): string {
  return rootArgv(profile, ["/bin/sh"]);
}

/** The command line that runs `script` as root and leaves standard input to it. */
export function rootScript(profile: Profile, script: string): string {
  return rootArgv(profile, ["/bin/sh", "-c", script]);
}

function rootArgv(profile: Profile, argv: readonly string[]): string {
  const prefix = privilegeOf(profile) === "become" ? [profile.login.become, "-n"] : [];
  return `exec ${quoteArgv([...prefix, ...argv])}`;
}

/** The command line and the script (for its standard input) that run a task's command. */
export interface CommandScript {
  readonly command: string;
  readonly script: string;
}

/** Exit code by which the script says that it failed before the command; see {@link setupMarker}. */
export const setupFailedCode = 125;

/**
 * Starts the line on standard error that tells why the set-up failed. A command that exits with the
 * same code by itself does not know the nonce.
 */
export function setupMarker(nonce: string): string {
  return `vmbuild-setup-${nonce}: `;
}

/**
 * A script that goes to the working directory, becomes the user, runs the command with exactly the
 * given environment, nothing on standard input and both outputs in one, flushes the filesystems if it is told
 * to, and exits as the command did.
 *
 * The script travels on standard input because an SSH server may limit a command line to 32 KiB
 * (dropbear); the command itself may still be as long as the guest's kernel allows one argument to be.
 */
export function commandScript(
  profile: Profile,
  task: CommandTask,
  { nonce, flush }: { readonly nonce: string; readonly flush: boolean },
): CommandScript {
  const asLogin = runsAsLogin(profile, task.user);
  const mkdir = `mkdir -p -- ${quoteWord(task.workdir)}`;
  const mayBecome = asLogin && privilegeOf(profile) === "become";
  const words = `env -i ${environmentWords(task.env)} ${quoteArgv([...task.shell, task.command])}`;
  const lines = [
    `fail() { printf '%s%s\\n' ${quoteWord(setupMarker(nonce))} "$1" >&2; exit ${setupFailedCode}; }`,
    "umask 022",
    `if [ ! -d ${quoteWord(task.workdir)} ]; then`,
    `  ${mayBecome ? `${mkdir} 2>/dev/null || ${profile.login.become} -n ${mkdir}` : mkdir} || fail ${quoteWord(`cannot make the working directory ${task.workdir}`)}`,
    "fi",
    `cd -- ${quoteWord(task.workdir)} || fail ${quoteWord(`cannot enter the working directory ${task.workdir}`)}`,
    ...(task.user.kind === "login" || asLogin
      ? [`${words} </dev/null 2>&1`]
      : asOtherUser(task.user, words)),
    "code=$?",
    ...(flush ? ["sync"] : []),
    "exit $code",
  ];
  return {
    command: asLogin ? plainShell : rootShell(profile),
    script: `${lines.join("\n")}\n`,
  };
}

/** True when the account that logs in is the one the task asks for. */
export function runsAsLogin(profile: Profile, user: StepUser): boolean {
  if (user.kind === "login") return true;
  if (user.kind === "name") return user.name === profile.login.user;
  return profile.login.user === "root" && user.uid === 0 && user.gid === 0;
}

/**
 * Looks the account up, becomes it by the first tool that works, and runs `words`. Supplementary
 * groups are the account's own, read afresh; an id without an account has none.
 */
function asOtherUser(user: Exclude<StepUser, { kind: "login" }>, words: string): string[] {
  const [key, pattern] =
    user.kind === "unix"
      ? [String(user.uid), `^[^:]*:[^:]*:${user.uid}:`]
      : [user.name, `^${escapeBasicRegex(user.name)}:`];
  const ids =
    user.kind === "unix"
      ? `uid=${user.uid} gid=${user.gid}`
      : `[ -n "$account" ] || fail ${quoteWord(`the guest has no account ${user.name}`)}`;
  return [
    `entry=$(getent passwd ${quoteWord(key)} 2>/dev/null || grep ${quoteWord(pattern)} /etc/passwd 2>/dev/null | head -n 1)`,
    `IFS=: read -r account password uid gid gecos HOME rest <<EOF\n$entry\nEOF`,
    ids,
    `[ -n "$HOME" ] || HOME=/`,
    "name=$account",
    `if [ -n "$account" ]; then groups=--init-groups; else groups=--clear-groups account=$uid; fi`,
    `USER=$account SHELL=\${rest:-/bin/sh}`,
    `if setpriv --reuid "$uid" --regid "$gid" "$groups" true 2>/dev/null; then`,
    `  setpriv --reuid "$uid" --regid "$gid" "$groups" ${words} </dev/null 2>&1`,
    `elif chpst -u ":$uid:$gid" true 2>/dev/null; then`,
    `  chpst -u ":$uid:$gid" ${words} </dev/null 2>&1`,
    `elif su -s /bin/sh "$account" -c true </dev/null >/dev/null 2>&1; then`,
    `  su -s /bin/sh "$account" -c ${quoteWord(`exec ${words}`)} </dev/null 2>&1`,
    `elif ${byPerl} "$name" true 2>/dev/null; then`,
    `  ${byPerl} "$name" ${words} </dev/null 2>&1`,
    `else`,
    `  fail "cannot become uid $uid: the guest has neither setpriv (util-linux), chpst, su nor perl for it"`,
    `fi`,
  ];
}

/**
 * Words for `env -i`: what a login would set, then the step's own, which win. PATH stays what the
 * session has when neither the spec nor the profile sets it.
 */
function environmentWords(env: CommandTask["env"]): string {
  const given = new Set(env.map(([name]) => name));
  const fromLogin = ["PATH", "HOME", "USER", "LOGNAME", "SHELL"]
    .filter((name) => !given.has(name))
    .map((name) => `${name}="$${name === "LOGNAME" ? "USER" : name}"`);
  return [...fromLogin, ...env.map(([name, value]) => quoteWord(`${name}=${value}`))].join(" ");
}

function escapeBasicRegex(text: string): string {
  return text.replaceAll(/[.[\]*^$\\]/g, String.raw`\$&`);
}
