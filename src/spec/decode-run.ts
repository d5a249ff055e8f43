import { readRecord, type RecordShape } from "./decode-record.ts";
import { decodeMounts } from "./decode-mount.ts";
import { atomsOf, type Node, onlyText } from "./decode-value.ts";
import { parseDurationMs } from "./duration.ts";
import { isNetwork } from "./network.ts";
import type { Problems } from "./problems.ts";
import { atomInMessage, quoteAtom } from "./quote-atom.ts";
import type { RunOp } from "./spec.ts";
import { checkMounts, checkNetwork, checkTimeout } from "./validate.ts";

const shape: RecordShape = {
  owner: "`run`",
  fields: ["cache", "network", "secrets", "timeout", "shell"],
  required: { shell: 'write `(run (shell "COMMAND"))`' },
  stray: (sexp) => {
    if (sexp.kind === "list") return "remove one pair of parentheses";
    const command = sexp.text.length > 60 ? '"…"' : quoteAtom(sexp.text);
    return `write \`(run (shell ${command}))\``;
  },
};

/** `(run …)`, as `run_of_sexp` in OBuilder's `lib_spec/spec.ml` reads it, and our `(timeout DURATION)`. */
export function decodeRun(node: Node, problems: Problems): RunOp {
  const fields = readRecord(node.args, node.head.range, shape, problems);
  const shell = fields.get("shell");
  const command = shell && onlyText(shell, "one command", problems);
  const timeoutMs = decodeTimeout(fields.get("timeout"), problems);
  const caches = decodeMounts(fields.get("cache"), "cache", problems);
  const secrets = decodeMounts(fields.get("secrets"), "secret", problems);
  checkMounts([...caches, ...secrets], problems);
  const networks = atomsOf(fields.get("network")?.args ?? [], "the name of a network", problems);
  for (const name of networks) checkNetwork(name, problems);
  const unknown = networks.find(({ text }) => !isNetwork(text));
  return {
    op: "run",
    command: command?.text ?? "",
    caches,
    network: networks.map(({ text }) => text),
    ...(unknown !== undefined && {
      unknownNetwork: { name: unknown.text, range: unknown.range },
    }),
    secrets,
    ...(timeoutMs !== undefined && { timeoutMs }),
    range: node.list.range,
  };
}

function decodeTimeout(field: Node | undefined, problems: Problems): number | undefined {
  const atom = field && onlyText(field, "one duration", problems);
  if (atom === undefined) return undefined;
  const ms = parseDurationMs(atom.text);
  if (ms === undefined) {
    const hint = "durations are written `90s`, `5m`, `1h30m` or `500ms`; a plain number is seconds";
    problems.error(atom.range, `${atomInMessage(atom.text)} is not a duration`, hint);
    return undefined;
  }
  checkTimeout(ms, atom.range, problems);
  return ms;
}
