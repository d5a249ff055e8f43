/**
 * The argv that runs `argv` as a child which the kernel kills when its parent ends, however it ends.
 *
 * `setpriv --pdeathsig` sets the parent-death signal (prctl(2), PR_SET_PDEATHSIG), which Node cannot,
 * and survives the exec of a program without privileges. A parent that ended before the signal was
 * set is noticed by the shell's parent id, so there is no moment in which the child could get away.
 * Both exec what follows: the process id is that of the program itself.
 */
export function leashed(
  setprivPath: string,
  parentPid: number,
  argv: readonly string[],
): readonly string[] {
  const script = '[ "$PPID" = "$0" ] && exec "$@"';
  return [setprivPath, "--pdeathsig", "KILL", "--", "sh", "-c", script, String(parentPid), ...argv];
}
