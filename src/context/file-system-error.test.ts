import { expect, test } from "vitest";
import { failureAfterListing } from "./file-system-error.ts";

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

test.each([
  ["EACCES", "unreadable"],
  ["EIO", "unreadable"],
  ["EMFILE", "unreadable"],
  ["ENOENT", "changed-while-read"],
  ["ENOTDIR", "changed-while-read"],
  ["ELOOP", "changed-while-read"],
])("%s after listing is %s", (code, reason) => {
  expect(failureAfterListing(systemError(code), "a")).toMatchObject({ reason, path: "a" });
});

test("what is no system error is thrown on", () => {
  const bug = new TypeError("x");
  expect(() => failureAfterListing(bug, "a")).toThrow(bug);
});
