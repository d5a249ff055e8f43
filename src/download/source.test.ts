import { expect, test } from "vitest";
import { parseSource } from "./source.ts";

test.each<[text: string, source: unknown]>([
  ["disk.qcow2", { kind: "file", path: "disk.qcow2" }],
  ["a:b/disk.qcow2", { kind: "file", path: "a:b/disk.qcow2" }],
  ["file:///a%20b.img", { kind: "file", path: "/a b.img" }],
  ["https://host/a?b#c", { kind: "web", url: "https://host/a?b" }],
  [
    "http://me:s%40cret@host/a",
    { kind: "web", url: "http://host/a", authorization: "Basic bWU6c0BjcmV0" },
  ],
])("%s", (text, source) => {
  expect(parseSource(text)).toEqual({ ok: true, value: source });
});

test.each<[text: string, message: string]>([
  ["ftp://host/a", "vmbuild cannot fetch ftp URLs"],
  ["http://", "this is no URL"],
  ["file://host/a", "this names no file of this host"],
  ["http://%zz@host/", "the user's name or password in this URL is not percent-encoded"],
  ["", "this is no path"],
])("%s is none", (text, message) => {
  expect(parseSource(text)).toMatchObject({ ok: false, error: { message } });
});
