import { expect, test } from "vitest";
import { forwardedPort } from "./forwarded-port.ts";

const usernet = [
  "Hub -1 (net0):",
  "  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ",
  "  TCP[ESTABLISHED]   21       127.0.0.1 45111       10.0.2.15    22     0     0",
  "  UDP[236 sec]       19       10.0.2.15    68        10.0.2.2    67     0     0",
  "  TCP[HOST_FORWARD]  12       127.0.0.1 39055       10.0.2.15    22     0     0",
  "  TCP[HOST_FORWARD]  13               * 40123       10.0.2.15  2222     0     0",
  "",
].join("\r\n");

test.each([
  [22, 39055],
  [2222, 40123],
  [80, undefined],
])("of guest port %s", (guestPort, port) => {
  expect(forwardedPort(usernet, guestPort)).toBe(port);
});

test.each(["", "unknown command: 'info usernet'\r\n"])("nothing in %j", (text) => {
  expect(forwardedPort(text, 22)).toBeUndefined();
});
