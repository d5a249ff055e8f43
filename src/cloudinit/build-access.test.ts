import { expect, test } from "vitest";
import { buildAccessUserData } from "./build-access.ts";
import { checkUserData } from "./check-seed.ts";
import { readSchemas } from "./read-schemas.ts";

const access = {
  publicKey: "ssh-ed25519 AAAAC3 vmbuild",
  hostKey: { publicKey: "ssh-ed25519 AAAAHOST", openssh: "-----BEGIN\nabc\n-----END\n" },
};

test("what a build needs is a user-data that cloud-init takes", async () => {
  const text = Buffer.from(buildAccessUserData(access)).toString();
  expect(checkUserData({ name: "user-data", text }, await readSchemas())).toEqual([]);
  expect(text).toContain(JSON.stringify(access.publicKey));
  expect(text).toContain(JSON.stringify(access.hostKey.openssh));
});
