import { expect, test } from "vitest";
import { parseSpec } from "./parse-spec.ts";
import { strictObuilderDiagnostics } from "./strict-obuilder.ts";

const pin = `a@sha256:${"0".repeat(64)}`;

function additionsIn(text: string): string[] {
  const parsed = parseSpec({ name: "test", text });
  if (!parsed.ok) throw new Error("unexpected");
  return strictObuilderDiagnostics(parsed.value.document).map(
    ({ severity, range, message }) =>
      `${severity} ${text.slice(range.start, range.end)}: ${message}`,
  );
}

test.each([
  [
    "((from a) (run (shell x) (timeout 5m)))",
    ["error (timeout 5m): `timeout` is vmbuild's own; OBuilder does not know it"],
  ],
  [
    "((from a) (Run ((timeout 5m) (shell x))))",
    ["error (timeout 5m): `timeout` is vmbuild's own; OBuilder does not know it"],
  ],
  ["((from a) (reboot))", ["error (reboot): `reboot` is vmbuild's own; OBuilder does not know it"]],
  [
    `((from ${pin}))`,
    [`error ${pin}: a pinned base image is vmbuild's own; OBuilder does not know it`],
  ],
  [
    "((from a) (user (gid 1) (uid 2)) (User ((gid 1) (uid 2))))",
    [
      "error (gid 1): `gid` before `uid` is vmbuild's own; OBuilder does not know it",
      "error (gid 1): `gid` before `uid` is vmbuild's own; OBuilder does not know it",
    ],
  ],
  [
    "((build x ((build y ((from a) (Reboot))) (from a) (reboot))) (from a))",
    [
      "error (Reboot): `reboot` is vmbuild's own; OBuilder does not know it",
      "error (reboot): `reboot` is vmbuild's own; OBuilder does not know it",
    ],
  ],
])("%s", (text, expected) => {
  expect(additionsIn(text)).toEqual(expected);
});

test("what OBuilder reads alike passes", () => {
  const text = `
    ((build x ((from timeout) (comment reboot) (shell reboot) (env reboot timeout)))
     (from a@sha)
     (user (uid 1) (gid 2)) (User ((uid 1) (gid 2))) (user (name gid))
     (run (cache (timeout (target /timeout))) (network host) (shell "timeout 5 reboot"))
     (Run ((shell timeout)))
     (copy (from (build x)) (src timeout) (dst reboot)))`;
  expect(additionsIn(text)).toEqual([]);
});
