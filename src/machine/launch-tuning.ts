import { defaultLinger, type Linger } from "./exec-linger.ts";
import { runtimeParents } from "./runtime-dir.ts";
import type { BannerPace } from "./ssh-banner.ts";
import type { Keepalive } from "./ssh-login.ts";

/** Times and places of a launch that are no property of the guest. */
export interface LaunchTuning {
  /** Where programs are looked for, in the form of `$PATH`. */
  readonly searchPath: string;
  /** Where a machine's private directory may be, best first. */
  readonly runtimeParents: readonly string[];
  readonly bannerPace: BannerPace;
  /**
   * For how long after its first refusal a guest is asked again: an SSH server may be up before the
   * account or its keys are (cloud-init, pam_nologin(8)).
   */
  readonly refusalGraceMs: number;
  /**
   * From one refusal to the next attempt. OpenSSH 9.8 and later shut a host out for a while whose
   * refusals come more often than every 5 s on average (sshd_config(5), PerSourcePenalties).
   */
  readonly refusalSpacingMs: number;
  /** From a connection that was cut off during the handshake to the next. */
  readonly loginSpacingMs: number;
  readonly keepalive: Keepalive;
  readonly linger: Linger;
  /** How long a lost connection waits for QEMU's end, which then is its cause. */
  readonly lossGraceMs: number;
  /** How long QEMU may take to end after its monitor has closed. */
  readonly exitGraceMs: number;
  /** How long QEMU may take to close its disk once told to quit. */
  readonly quitTimeoutMs: number;
}

/** What a launch uses unless told otherwise. */
export function defaultTuning(): LaunchTuning {
  return {
    searchPath: process.env["PATH"] ?? "",
    runtimeParents: runtimeParents(),
    bannerPace: {
      unannouncedMs: 2_000,
      unansweredMs: 1_000,
      closedMs: 30,
      silentMs: 3_000,
      patienceMs: 30_000,
    },
    refusalGraceMs: 12_000,
    refusalSpacingMs: 3_000,
    loginSpacingMs: 1_000,
    // An emulated guest under full load has been seen to answer after tens of seconds.
    keepalive: { intervalMs: 15_000, count: 8 },
    linger: defaultLinger,
    lossGraceMs: 10_000,
    exitGraceMs: 1_000,
    quitTimeoutMs: 5_000,
  };
}
