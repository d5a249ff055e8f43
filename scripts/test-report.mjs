/** The rows of `scripts/test.mjs` added up and laid out for people. */

export function totalOf(rows) {
  return {
    name: "total",
    passed: rows.reduce((sum, row) => sum + row.passed, 0),
    failures: rows.flatMap((row) => row.failures),
    skipped: rows.flatMap((row) => row.skipped),
    seconds: rows.reduce((sum, row) => sum + row.seconds, 0),
  };
}

/** The table, then every skipped and every failed test by name. */
export function renderReport(rows, notRun) {
  const total = totalOf(rows);
  const cells = [["tier", "tests", "passed", "failed", "skipped", "seconds"]];
  for (const row of [...rows, total]) {
    const counts = [row.passed, row.failures.length, row.skipped.length];
    const tests = counts.reduce((sum, count) => sum + count);
    cells.push([row.name, ...[tests, ...counts].map(String), row.seconds.toFixed(1)]);
  }
  const lines = ["", ...alignColumns(cells)];
  if (notRun.length > 0) lines.push("", `Not run after this failure: ${notRun.join(", ")}`);
  if (total.skipped.length > 0) {
    lines.push("", "Skipped:", ...total.skipped.map(({ name, reason }) => `  ${name}: ${reason}`));
  }
  if (total.failures.length > 0) {
    lines.push("", "Failed:", ...total.failures.map((failure) => `  ${failure}`));
  }
  return `${lines.join("\n")}\n`;
}

/** The first column to the left, numbers to the right. */
function alignColumns(cells) {
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  return cells.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column] + 2),
      )
      .join(""),
  );
}
