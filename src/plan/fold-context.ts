import type { Op } from "../spec/spec.ts";
import { resolveGuestPath } from "./guest-path.ts";
import type { StepContext } from "./step.ts";

/**
 * What `op` makes of the context that the ops after it see; ops that are not about it give `context`
 * back. A later `env` of the same name replaces the earlier value, wherever that came from.
 */
export function foldContext(context: StepContext, op: Op): StepContext {
  switch (op.op) {
    case "workdir":
      return { ...context, workdir: resolveGuestPath(context.workdir, op.path) };
    case "env":
      return { ...context, env: withVariable(context.env, op.name, op.value) };
    case "user":
      return { ...context, user: op.user };
    case "shell":
      return { ...context, shell: op.argv };
    case "comment":
    case "run":
    case "copy":
    case "reboot":
      return context;
  }
}

function withVariable(env: StepContext["env"], name: string, value: string): StepContext["env"] {
  const index = env.findIndex(([existing]) => existing >= name);
  if (index === -1) return [...env, [name, value]];
  const replaced = env[index]?.[0] === name ? 1 : 0;
  return env.toSpliced(index, replaced, [name, value]);
}
