const head = ["what", "measured", "against", "ratio", "target", ""];

/** One row: `{ what, measured, against?, ratio?, target?, met? }`, all text but `met`. */
const cellsOf = (row) => [
  row.what,
  row.measured,
  row.against ?? "",
  row.ratio ?? "",
  row.target ?? "",
  row.met === undefined ? "" : row.met ? "met" : "MISSED",
];

/** Rows for a terminal. */
export function renderTable(rows) {
  const cells = [head, ...rows.map(cellsOf)];
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  return cells
    .map((row) => row.map((cell, column) => cell.padEnd(widths[column])).join("  "))
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}

/** Rows as a table in Markdown. */
export function renderMarkdown(rows) {
  return [head, head.map(() => "---"), ...rows.map(cellsOf)]
    .map((row) => `| ${row.join(" | ")} |\n`)
    .join("");
}

/** A time against another, `{ label, ms }`, of which it is to be at most one part in `parts`. */
export function ratioRow(what, ms, reference, parts) {
  const ratio = ms / reference.ms;
  return {
    what,
    measured: seconds(ms),
    against: `${reference.label}: ${seconds(reference.ms)}`,
    ratio: ratio <= 0.5 ? `1/${(1 / ratio).toFixed(1)}` : ratio.toFixed(2),
    ...(parts === undefined ? {} : { target: `1/${parts}`, met: ratio <= 1 / parts }),
  };
}

/** A time that is to be at most `limitMs`. */
export function limitRow(what, ms, limitMs) {
  return { what, measured: seconds(ms), target: `${limitMs / 1000} s`, met: ms <= limitMs };
}

/** The middle of some numbers. */
export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export const seconds = (ms) => `${(ms / 1000).toFixed(ms < 1000 ? 3 : 2)} s`;
export const megabytes = (bytes) => `${Math.round(bytes / 1e6)} MB`;
