import { createHash, randomBytes } from "node:crypto";
import type { BuildEnvironment } from "../../build/environment.ts";
import type { StepFailure } from "../../build/failure.ts";
import type { StepId } from "../../plan/step.ts";
import { failureMessage } from "../render/failure-message.ts";
import { duration } from "../render/units.ts";
import { bad, type Finding, good } from "./finding.ts";

const said = "healthcheck";

/** Really boots a base image on a throw-away overlay and runs a command in it. */
export async function bootFinding(
  env: BuildEnvironment,
  base: string,
  signal: AbortSignal,
): Promise<Finding> {
  const about = `boot ${base}`;
  const wrong = (failure: StepFailure): Finding => {
    const { text, detail, hint } = failureMessage(failure);
    return bad(
      about,
      detail === undefined ? text : `${text}\n${detail}`,
      hint ?? "see the message above",
    );
  };
  const resolved = await env.bases.resolve(base, signal);
  if (!resolved.ok) return wrong(resolved.error);
  const imported = await env.bases.import(base, resolved.value.digest, signal);
  if (!imported.ok) return wrong(imported.error);
  const staged = await env.store.stage({
    // No step has this id, so nothing can take the overlay for a layer.
    id: createHash("sha256").update(randomBytes(32)).digest("hex") as StepId,
    base: { kind: "image", digest: resolved.value.digest, format: imported.value.format },
    signal,
  });
  if (!staged.ok) return wrong(staged.error);
  await using stage = staged.value;
  const profile = env.bases.bootableProfile(imported.value.profile);
  const resources = await env.resources(profile, signal);
  if (!resources.ok) return wrong(resources.error);
  const startedAt = performance.now();
  const output: Buffer[] = [];
  const ran = await env.sandbox.run(
    {
      profile,
      resources: resources.value,
      diskPath: stage.diskPath,
      serialLogPath: stage.serialLogPath,
      network: false,
      task: {
        kind: "command",
        command: `echo ${said}`,
        ...resolved.value.input.initial,
        caches: [],
      },
      keepFailed: false,
      workDir: stage.workDir,
    },
    {
      signal,
      onPhase() {},
      onOutput: (chunk) => void output.push(chunk),
      onWarning() {},
      onMachine: async (pid) => void (await stage.machineStarted(pid)),
    },
  );
  if (!ran.ok) return wrong(ran.error.failure);
  const heard = Buffer.concat(output).toString().trim();
  return heard === said
    ? good(
        about,
        `booted, ran \`echo ${said}\`, powered off in ${duration(performance.now() - startedAt)} with ${resources.value.accelerator}`,
      )
    : bad(about, `\`echo ${said}\` printed ${JSON.stringify(heard)}`, "look at the image's shell");
}
