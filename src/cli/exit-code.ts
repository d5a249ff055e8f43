/**
 * What the exit code of `vmbuild` tells. Documented in the README; a change is a breaking change.
 */
export const exitCode = {
  success: 0,
  /** A command of the spec failed or took too long. */
  commandFailed: 1,
  /** The command line is wrong. */
  usage: 2,
  /** What was given to work on is wrong: spec, build context, vmbuild.toml, profile, base image, id. */
  badInput: 3,
  /** This machine lacks something: a program, disk space, rights, a store that is whole. */
  host: 4,
  /** The guest did not do its part: it did not boot, let us in, or stay up. */
  guest: 5,
  /** A bug in vmbuild. 70 is EX_SOFTWARE of sysexits(3). */
  internal: 70,
} as const;

/** The exit code of a process that ended because of a signal, as shells count it. */
export function signalExitCode(signal: "SIGINT" | "SIGTERM" | "SIGHUP"): number {
  return 128 + { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }[signal];
}
