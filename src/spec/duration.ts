const unitsMs = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
] as const;

const shape =
  /^(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?$/u;

const plainNumber = /^\d+(?:\.\d+)?$/u;

/**
 * Milliseconds of a duration: `500ms`, `30s`, `1.5h`, `1h30m`, `2d`; a number without a unit is seconds.
 *
 * Units come largest first, each at most once, without blanks or sign; the sum is rounded to whole
 * milliseconds. Undefined for any other text, and beyond what a number holds exactly.
 */
export function parseDurationMs(text: string): number | undefined {
  if (plainNumber.test(text)) return wholeMs(Number(text) * 1000);
  const parts = text === "" ? null : shape.exec(text);
  if (parts === null) return undefined;
  let total = 0;
  for (const [index, [, unitMs]] of unitsMs.entries()) {
    total += Number(parts[index + 1] ?? 0) * unitMs;
  }
  return wholeMs(total);
}

/** The shortest text that `parseDurationMs` reads as `ms`, a whole number of milliseconds. */
export function formatDurationMs(ms: number): string {
  let rest = ms;
  let text = "";
  for (const [unit, unitMs] of unitsMs) {
    const count = Math.floor(rest / unitMs);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * unitMs;
  }
  return text === "" ? "0s" : text;
}

function wholeMs(ms: number): number | undefined {
  const rounded = Math.round(ms);
  return Number.isSafeInteger(rounded) ? rounded : undefined;
}
