import { expect, test } from "vitest";
import { markScanner } from "./end-mark.ts";

const mark = Buffer.from("vmbuild-end-0123");

function scan(chunks: readonly string[]): { readonly text: string; readonly ended: boolean } {
  const scanner = markScanner(mark);
  const text = chunks.map((chunk) => scanner.push(Buffer.from(chunk)).toString()).join("");
  return { text, ended: scanner.ended };
}

test("passes output on and ends at the mark, wherever the pieces are cut", () => {
  const whole = `some output${mark.toString()}what comes later`;
  for (let cut = 0; cut <= whole.length; cut++) {
    expect(scan([whole.slice(0, cut), whole.slice(cut)])).toEqual({
      text: "some output",
      ended: true,
    });
  }
  expect(scan(whole.split(""))).toEqual({ text: "some output", ended: true });
});

test("holds back only what may begin the mark", () => {
  const scanner = markScanner(mark);
  expect(scanner.push(Buffer.from("text vmbuild-e")).toString()).toBe("text ");
  expect(scanner.push(Buffer.from("lse")).toString()).toBe("vmbuild-else");
  expect(scanner.push(Buffer.from("vvmbuild-end-012")).toString()).toBe("v");
  expect(scanner.push(Buffer.from("vmbuild-end-0123")).toString()).toBe("vmbuild-end-012");
  expect(scanner.ended).toBe(true);
});
