import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { fitting, liveStatus } from "./status-line.ts";

test.each<[readonly string[], number, string]>([
  [["one 1.0 s", "two 2.0 s"], 80, "one 1.0 s   two 2.0 s"],
  [["one 1.0 s", "two 2.0 s", "three 3.0 s"], 30, "one 1.0 s   two 2.0 s   +1"],
  [["one 1.0 s", "two 2.0 s", "three 3.0 s"], 20, "one 1.0 s"],
  [["\u001b[36m[1/9]\u001b[39m one"], 10, "\u001b[36m[1/9]\u001b[39m one"],
  [["one 1.0 s"], 5, ""],
  [[], 80, ""],
])("%j in %i columns is one line", (texts, columns, line) => {
  expect(fitting(texts, columns)).toBe(line);
});

test("what is printed stands above the status of steps that run at once", async () => {
  const stream = Object.assign(new PassThrough(), { columns: 80 });
  const status = liveStatus(stream);
  status.set(2, "[2/5] running");
  status.set(3, "[3/5] running");
  await status.print("[2/5] | from the second\n");
  await status.print("[3/5] | from the third\n");
  status.close();
  const erase = "\r\u001b[K";
  const lines = String(stream.read())
    .split("\n")
    .map((line) => line.split(erase).at(-1));
  expect(lines).toEqual(["[2/5] | from the second", "[3/5] | from the third", ""]);
});
