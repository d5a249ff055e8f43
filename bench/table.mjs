/** One row: `{ what, measured, against?, ratio?, target, met }`, all text but `met`. */
export function renderTable(rows) {
  const head = ["what", "measured", "against", "ratio", "target", ""];
  const cells = rows.map((row) => [
    row.what,
    row.measured,
    row.against ?? "",
    row.ratio ?? "",
    row.target ?? "",
    row.met === undefined ? "" : row.met ? "met" : "MISSED",
  ]);
  const widths = head.map((_, column) =>
    Math.max(...[head, ...cells].map((row) => row[column].length)),
  );
  return [head, ...cells]
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join("  ")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}

/** The middle of some numbers. */
export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export const seconds = (ms) => `${(ms / 1000).toFixed(ms < 1000 ? 3 : 2)} s`;
export const megabytes = (bytes) => `${Math.round(bytes / 1e6)} MB`;
