import { setTimeout as delay } from "node:timers/promises";
import type { Login } from "../profile/profile.ts";
import { failed, ok, type Result } from "../result.ts";
import type { MachineFailure, MachineFailureOf } from "./failure.ts";
import type { LaunchTuning } from "./launch-tuning.ts";
import { awaitSshBanner } from "./ssh-banner.ts";
import type { AuthMethod } from "./ssh-identity.ts";
import { openSession } from "./ssh-login.ts";
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

/** Why nobody got in; `cancelled` stands for whatever aborted the signal before any refusal. */
export type LogInFailure = MachineFailureOf<"login-refused" | "host-key-mismatch" | "cancelled">;

/**
 * Waits for the guest's SSH server and logs in.
 *
 * A connection that ends during the handshake is what a server does that is being restarted, so it is
 * tried again for as long as the signal allows; a refusal is asked again for a while, since keys and
 * accounts may come after the server. Another host key is final.
 */
export async function logIn(options: LogInOptions): Promise<Result<SshSession, LogInFailure>> {
  const { port, login, methods, tuning, announced, signal, onReached, explainLoss } = options;
  const pace = tuning.bannerPace;
  let reached = false;
  let refusedSince: number | undefined;
  let refusal: Result<never, LogInFailure> | undefined;
  for (;;) {
    const connection = await awaitSshBanner(port, {
      pace,
      announced: reached ? Promise.resolve() : announced,
      signal,
    });
    if (!connection.ok) return refusal ?? connection;
    if (!reached) onReached();
    reached = true;
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
    const { error } = session;
    if (error.reason === "login-refused") {
      refusal = failed(error);
      refusedSince ??= performance.now();
      if (performance.now() - refusedSince >= tuning.refusalGraceMs) return refusal;
    } else if (error.reason !== "handshake-lost") {
      return error.reason === "cancelled" && refusal ? refusal : failed(error);
    }
    await delay(tuning.loginSpacingMs, undefined, { signal }).catch(() => {});
  }
}
