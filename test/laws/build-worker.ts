/**
 * A process that builds specs in a rig's store, with no machine: it prints one line of JSON per thing that
 * happens.
 *
 *     node build-worker.js RIG
 *
 * Each line of standard input is a JSON string: a spec to build, or `go`, which lets the command go on that
 * waits. Commands that begin with `hold` wait; of those, `hold and fail` then ends with 3.
 */
import { createInterface } from "node:readline";
import { buildPlan } from "../../src/build/build-plan.ts";
import { failed, ok } from "../../src/result.ts";
import type { Sandbox } from "../../src/sandbox/sandbox.ts";
import { BuildRig } from "../support/build-rig.ts";

const rig = await BuildRig.at(process.argv[2] ?? "");
let go: () => void = () => {};

const sandbox: Sandbox = {
  async run({ task }, hooks) {
    const command = task.kind === "command" ? task.command : "copy";
    const held = new Promise<void>((resolve) => {
      go = resolve;
    });
    await hooks.onOutput(Buffer.from(`${command} by ${process.pid}\n`));
    say({ type: "run", command });
    if (command.startsWith("hold")) await held;
    if (command !== "hold and fail") return ok({ savedCaches: [] });
    return failed({ failure: { reason: "command-failed", exitCode: 3 }, savedCaches: [] });
  },
  async shutDown() {
    return ok();
  },
  async read() {
    throw new Error("no step copies from a build");
  },
  async lend() {
    throw new Error("no step borrows a guest");
  },
  async rest() {},
};

for await (const line of createInterface({ input: process.stdin })) {
  const text = JSON.parse(line) as string;
  if (text === "go") go();
  else void build(text);
}

async function build(text: string): Promise<void> {
  const built = await buildPlan(await rig.plan(text), rig.environment(sandbox), {
    signal: new AbortController().signal,
    onEvent: (event) => {
      if (event.type === "step-attached" || event.type === "step-detached") {
        say({ type: event.type, pid: event.pid, step: event.ref.number });
      }
      if (event.type === "step-output") {
        say({ type: "output", text: Buffer.from(event.chunk).toString() });
      }
    },
  });
  say(built.ok ? { type: "built", id: built.value.id } : { type: "failed", ...built.error });
}

function say(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
