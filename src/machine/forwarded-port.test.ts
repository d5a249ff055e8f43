import { expect, test } from "vitest";
import { findForwards } from "./forwarded-port.ts";

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
  expect(findForwards(usernet, [{ guestPort }])).toEqual([
    port === undefined ? undefined : { guestPort, hostPort: port },
  ]);
});

test.each(["", "unknown command: 'info usernet'\r\n"])("nothing in %j", (text) => {
  expect(findForwards(text, [{ guestPort: 22 }])).toEqual([undefined]);
});

test("several that lead to one port of the guest, each once", () => {
  const rows = `${usernet}  TCP[HOST_FORWARD]  14       127.0.0.1  8022       10.0.2.15    22     0     0\r\n`;
  const wanted = [{ guestPort: 22 }, { guestPort: 22, hostPort: 8022 }, { guestPort: 22 }];
  expect(findForwards(rows, wanted)).toEqual([
    { guestPort: 22, hostPort: 39055 },
    { guestPort: 22, hostPort: 8022 },
    undefined,
  ]);
  // The one that is named comes first in QEMU's table, and is not taken for the other.
  expect(findForwards(rows, [{ guestPort: 22 }, { guestPort: 22, hostPort: 39055 }])).toEqual([
    { guestPort: 22, hostPort: 8022 },
    { guestPort: 22, hostPort: 39055 },
  ]);
});
