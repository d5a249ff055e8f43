import { expect, test } from "vitest";
import { exitCode } from "../exit-code.ts";
import { storeMessage } from "./store-message.ts";

test("a full disk: what is there is good, what shows and makes room, and that it is the host's fault", () => {
  const message = storeMessage({ reason: "disk-full", path: "/store/result-tmp/x" });
  expect(message).toMatchObject({
    text: "the disk is full: /store/result-tmp/x",
    exitCode: exitCode.host,
  });
  for (const words of ["nothing that was built is lost", "vmbuild df", "vmbuild prune --free"]) {
    expect(message.hint).toContain(words);
  }
});
