import type { Login } from "../profile/profile.ts";
import { failed, ok, type Result } from "../result.ts";
import type { MachineFailure } from "./failure.ts";
import { defaultTuning, type LaunchTuning } from "./launch-tuning.ts";
import { logIn } from "./log-in.ts";
import { checkPrivateKey } from "./private-key.ts";
import { authMethods } from "./ssh-identity.ts";
import { stopWatch } from "./stop-watch.ts";

export interface CheckLoginRequest {
  /** Where the guest's SSH server is reached, on 127.0.0.1. */
  readonly port: number;
  readonly login: Login;
  readonly storeIdentityPath: string;
  /** How long the server and the account may take to come. */
  readonly timeoutMs: number;
  /** Settles when the guest has ended. */
  readonly ended: Promise<unknown>;
  readonly signal: AbortSignal;
}

/** Logs into a running guest as a build will, and out again. Fails with why that cannot be done. */
export async function checkLogin(
  { port, login, storeIdentityPath, timeoutMs, ended, signal: cancel }: CheckLoginRequest,
  tuning: LaunchTuning = defaultTuning(),
): Promise<Result<void, MachineFailure>> {
  const methods = await authMethods({
    identity: login.identity,
    storeIdentityPath,
    checkKey: checkPrivateKey,
  });
  if (!methods.ok) return methods;
  using watch = stopWatch(cancel, timeoutMs, ended);
  const lost = (cause: "ssh-closed" | "qemu-ended", message: string): MachineFailure => ({
    reason: "connection-lost",
    cause,
    message,
    serialTail: "",
  });
  const session = await logIn({
    port,
    login,
    methods: methods.value,
    tuning,
    announced: Promise.resolve(),
    signal: watch.signal,
    onReached: () => {},
    explainLoss: async (message) => lost("ssh-closed", message),
  });
  if (session.ok) {
    session.value.close();
    return ok();
  }
  const { error } = session;
  switch (watch.cause) {
    case "cancelled":
      return failed({ reason: "cancelled" });
    case "ended":
      return failed(lost("qemu-ended", ""));
    default:
      if (error.reason === "login-refused" || error.reason === "host-key-mismatch") {
        return failed(error);
      }
      return failed({
        reason: "boot-timeout",
        timeoutMs,
        serialTail: "",
        ...(error.reason === "handshake-lost" ? { message: error.message } : {}),
      });
  }
}
