import { setTimeout as delay } from "node:timers/promises";
import type { Login } from "../profile/profile.ts";
import { failed, ok, type Result } from "../result.ts";
import type { MachineFailure } from "./failure.ts";
import type { LaunchTuning } from "./launch-tuning.ts";
import { awaitSshBanner } from "./ssh-banner.ts";
import type { AuthMethod } from "./ssh-identity.ts";
import { type LoginFailure, openSession } from "./ssh-login.ts";
import type { SshSession } from "./ssh-session.ts";

/** What a login into a booting guest needs. */
export interface LogInOptions {
  readonly port: number;
  readonly login: Login;
  readonly methods: readonly AuthMethod[];
  readonly tuning: LaunchTuning;
  /** Settles when the guest has set up its network card; may never. */
  readonly announced: Promise<unknown>;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
  /** The guest's SSH server has spoken for the first time. */
  readonly onReached: () => void;
  readonly explainLoss: (message: string) => Promise<MachineFailure>;
}

/**
 * Waits for the guest's SSH server and logs in.
 *
 * A connection that ends during the handshake is what a server does that is being restarted, so it is
 * tried again for as long as the signal allows; a refusal is asked again for a while, since keys and
 * accounts may come after the server. Another host key is final. When the signal ends the waiting, the
 * failure is that of the last login, or `cancelled` when none was tried.
 */
export async function logIn(options: LogInOptions): Promise<Result<SshSession, LoginFailure>> {
  const { port, login, methods, tuning, announced, signal, onReached, explainLoss } = options;
  let last: LoginFailure = { reason: "cancelled" };
  let refusedSince: number | undefined;
  for (;;) {
    const isFirst = last.reason === "cancelled";
    const connection = await awaitSshBanner(port, {
      pace: tuning.bannerPace,
      announced: isFirst ? announced : Promise.resolve(),
      signal,
    });
    if (!connection.ok) return failed(last);
    if (isFirst) onReached();
    const session = await openSession({
      socket: connection.value,
      user: login.user,
      methods,
      hostKey: login.hostKey,
      keepalive: tuning.keepalive,
      linger: tuning.linger,
      signal,
      explainLoss,
    });
    if (session.ok) return ok(session.value);
    if (session.error.reason === "cancelled") return failed(last);
    if (session.error.reason === "host-key-mismatch") return failed(session.error);
    const isRefused = session.error.reason === "login-refused";
    if (isRefused) {
      refusedSince ??= performance.now();
      if (performance.now() - refusedSince >= tuning.refusalGraceMs) return failed(session.error);
    }
    // A refusal tells more than the hanging up that a server may answer further attempts with.
    if (isRefused || last.reason !== "login-refused") last = session.error;
    const spacingMs = isRefused ? tuning.refusalSpacingMs : tuning.loginSpacingMs;
    await delay(spacingMs, undefined, { signal }).catch(() => {});
  }
}
