import { expect, test } from "vitest";
import { MarkedOutput } from "./marked-output.ts";

async function said(chunks: readonly string[]) {
  let passed = "";
  const output = new MarkedOutput("mark: ", (chunk) => void (passed += chunk.toString()));
  for (const chunk of chunks) await output.add(Buffer.from(chunk));
  const { message } = output;
  if (message === undefined) await output.end();
  return { passed, message };
}

test.each([
  [["mark: why\r\n"], { passed: "", message: "why" }],
  [["ma", "rk", ": w", "hy\n"], { passed: "", message: "why" }],
  [["mark: "], { passed: "", message: "" }],
  [["other\n", "mark: why\n"], { passed: "other\nmark: why\n", message: undefined }],
  [["mar", "ket\n"], { passed: "market\n", message: undefined }],
  [["ma"], { passed: "ma", message: undefined }],
  [[], { passed: "", message: undefined }],
])("%j", async (chunks, expected) => {
  expect(await said(chunks)).toEqual(expected);
});
