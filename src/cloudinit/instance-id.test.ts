import { expect, test } from "vitest";
import { withInstanceId } from "./instance-id.ts";

test.each([
  [undefined, "instance-id: new\n"],
  ["", "instance-id: new\n"],
  ["instance-id: old\nlocal-hostname: test-1\n", "instance-id: new\nlocal-hostname: test-1\n"],
  ["local-hostname: a # said\n", "local-hostname: a # said\ninstance-id: new\n"],
  ['{"instance-id": "old"}', '{ "instance-id": "new" }\n'],
  ["[", "["],
  ["text", "text"],
])("%j", (metaData, expected) => {
  const given = metaData === undefined ? undefined : Buffer.from(metaData);
  expect(Buffer.from(withInstanceId(given, "new")).toString()).toBe(expected);
});
