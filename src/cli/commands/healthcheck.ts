import { createBuildEnvironment } from "../../create-environment.ts";
import { exitCode } from "../exit-code.ts";
import { bootFinding } from "../health/boot-finding.ts";
import { bad, type Finding, good } from "../health/finding.ts";
import { kvmFinding, programFindings, storeFindings } from "../health/host-findings.ts";
import { openSettingsAndStore } from "../open-store.ts";
import { writeOut } from "../output.ts";
import { failureMessage } from "../render/failure-message.ts";
import { styleFor, wantsColor } from "../render/style.ts";
import type { Settings } from "../settings.ts";
import { listenForTermination } from "../terminate.ts";
import { UserError } from "../user-error.ts";

/** `vmbuild healthcheck`: says what it sees as it goes, with a fix for everything that is not good. */
export async function healthcheck(
  flags: Pick<Settings, "store"> & { readonly base: string; readonly verbose?: boolean },
): Promise<void> {
  using termination = listenForTermination(() => {});
  const { signal } = termination;
  const { store, settings } = await openSettingsAndStore(flags);
  let chosen = "";
  const env = createBuildEnvironment({
    ...settings,
    store,
    contextDir: process.cwd(),
    note: (message) => (chosen = message),
  });
  const findings: Finding[] = [];
  const say = async (finding: Finding | undefined): Promise<void> => {
    if (finding === undefined) return;
    findings.push(finding);
    await writeOut(row(finding));
  };
  const isBad = (): boolean => findings.some(({ state }) => state === "bad");

  for (const finding of await programFindings(signal)) await say(finding);
  await say(await kvmFinding());
  for (const finding of await storeFindings(store.root)) await say(finding);
  if (!isBad()) {
    await say(await acceleratorFinding(env, flags.base, () => chosen, signal));
    await say(await bootFinding(env, flags.base, signal));
  }
  const code = termination.exitCode();
  if (code !== undefined) throw new UserError("cancelled", { exitCode: code });
  if (isBad()) {
    throw new UserError("this host cannot build yet", { exitCode: exitCode.host });
  }
}

async function acceleratorFinding(
  env: ReturnType<typeof createBuildEnvironment>,
  base: string,
  reason: () => string,
  signal: AbortSignal,
): Promise<Finding | undefined> {
  const resolved = await env.bases.resolve(base, signal);
  if (!resolved.ok) return undefined;
  const resources = await env.resources(resolved.value.profile, signal);
  if (resources.ok) return good("accelerator", reason().replace(/^accelerator: /, ""));
  const { text, hint } = failureMessage(resources.error);
  return bad("accelerator", text, hint ?? "install QEMU with TCG");
}

function row({ about, state, seen, fix }: Finding): string {
  const style = styleFor(wantsColor(process.stdout, process.env));
  const mark = {
    good: style.green("ok  "),
    warning: style.yellow("warn"),
    bad: style.red("FAIL"),
  }[state];
  const lines = [`${mark}  ${about}: ${seen.replaceAll("\n", "\n        ")}`];
  if (fix !== undefined) lines.push(`      ${style.bold("fix:")} ${fix}`);
  return `${lines.join("\n")}\n`;
}
