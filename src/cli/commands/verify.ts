import { changedDownload } from "../../download/changed-download.ts";
import { bootFiles } from "../../profile/boot-files.ts";
import { exists } from "../../store/layer-file.ts";
import { isWarning, type StoreReport } from "../../store/store-report.ts";
import { verifyStore } from "../../store/verify-store.ts";
import { readRecord } from "../../suspend/record.ts";
import { exitCode } from "../exit-code.ts";
import { unopenedStore } from "../open-store.ts";
import { orThrow } from "../or-throw.ts";
import { writeOut } from "../output.ts";
import { findingMessage } from "../render/finding-message.ts";
import { styleFor, wantsColor } from "../render/style.ts";
import type { Settings } from "../settings.ts";
import { UserError } from "../user-error.ts";

type Flags = Pick<Settings, "store">;

/** `vmbuild verify`: everything that is wrong with the store, which it leaves as it is. */
export async function verify(
  flags: Flags & { readonly json?: boolean; readonly quick?: boolean },
): Promise<void> {
  const root = await unopenedStore(flags);
  if (!(await exists(root))) {
    throw new UserError(`there is no store at ${root}`, {
      exitCode: exitCode.badInput,
      hint: "name it with --store",
    });
  }
  const report = orThrow(
    await verifyStore(root, {
      quick: flags.quick === true,
      bootFiles: ({ metadata }) => bootFiles(metadata.profile).map(([, path]) => path),
      suspendedProblem,
      changedDownload,
    }),
  );
  await writeOut(
    flags.json === true ? `${JSON.stringify(withLevels(report), undefined, 2)}\n` : text(report),
  );
  const errors = report.findings.filter((finding) => !isWarning(finding)).length;
  if (errors > 0) {
    throw new UserError(`${count(errors, "thing")} wrong with the store ${root}`, {
      exitCode: exitCode.host,
    });
  }
}

async function suspendedProblem(dir: string): Promise<string | undefined> {
  const record = await readRecord(dir);
  if (record === undefined) return "it has no record";
  return record.ok ? undefined : record.error;
}

function withLevels(report: StoreReport) {
  const level = (warns: boolean): string => (warns ? "warning" : "error");
  return {
    ...report,
    findings: report.findings.map((finding) => ({
      level: level(isWarning(finding)),
      ...finding,
      text: findingMessage(finding).text,
    })),
  };
}

function text(report: StoreReport): string {
  const style = styleFor(wantsColor(process.stdout, process.env));
  const { findings, inUse } = report;
  const lines = findings.flatMap((finding) => {
    const mark = isWarning(finding) ? style.yellow("warn") : style.red("FAIL");
    const { text, hint } = findingMessage(finding);
    const row = `${mark}  ${text.trim().replaceAll("\n", "\n      ")}`;
    return hint === undefined ? [row] : [row, `      ${style.bold("fix:")} ${hint}`];
  });
  for (const { path, pid } of inUse) lines.push(`use   ${path}: by process ${pid}`);
  const looked = [
    count(report.layers, "layer"),
    count(report.suspendedMachines, "suspended machine"),
    count(report.downloads, "download"),
    count(report.caches, "cache"),
    count(report.baseImages, "file of base images", "files of base images"),
  ].join(", ");
  const end = findings.length === 0 ? "nothing is wrong" : count(findings.length, "finding");
  return `${[...lines, `${looked}: ${end}`].join("\n")}\n`;
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}
