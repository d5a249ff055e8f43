import { expect, test } from "vitest";
import { ReportReader } from "./report-reader.ts";

/** What is seen of `text` when it comes in pieces of `size` bytes. */
async function seen(text: string, size = text.length) {
  const shown: string[] = [];
  const reader = new ReportReader({
    onCommand: (command) => void shown.push(`$ ${command}`),
    onLines: (lines) => void shown.push(...lines),
  });
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) await reader.take(bytes.subarray(at, at + size));
  return { shown, report: reader.report(), last: reader.lastLines() };
}

const text = [
  "note\tgrün",
  "output\t--run-command x\t1%\r100%\r\n\u001b[2J zwölf\nno end",
  "tmp-files\tremoved\t/tmp/a",
  "output\t--install y\t",
  "done",
  "tmp-files\tremo",
].join("\0");

test.each([1, 2, 7, 1000])(
  "what commands print is told apart, in pieces of %i bytes",
  async (size) => {
    const { shown, report, last } = await seen(text, size);
    expect(shown).toEqual([
      "$ --run-command x",
      "100%",
      "\ufffd[2J zwölf",
      "no end",
      "$ --install y",
    ]);
    expect(report.notes).toEqual(["grün"]);
    expect(report.records).toEqual([["tmp-files", "removed", "/tmp/a"]]);
    expect(last).toEqual([]);
  },
);

test("a line is shown when it ends, and not when the command does", async () => {
  const { shown } = await seen("output\tx\tone\ntwo");
  expect(shown).toEqual(["$ x", "one"]);
});

test("the last lines of the last command are kept", async () => {
  const lines = Array.from({ length: 30 }, (_, index) => `${index}`);
  const { last } = await seen(`output\tx\tgone\n\0output\ty\t${lines.join("\n")}\n\0`);
  expect(last).toEqual(lines.slice(10));
});

test("neither a line without an end nor endless records take memory without bound", async () => {
  const endless = await seen(`output\tx\t${"a".repeat(20_000)}`, 1000);
  expect(endless.shown.length).toBeGreaterThan(3);
  const many = await seen(
    `${"n\tx\0".repeat(2_000_000)}output\tx\tstill shown\n\0exit\t3\0note\tlost\0`,
    1_000_000,
  );
  expect(many.report.records.length).toBeLessThan(2_000_000);
  expect(many.report).toMatchObject({ exitStatus: 3, notes: [] });
  expect(many.shown).toEqual(["$ x", "still shown"]);
});
