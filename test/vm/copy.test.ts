import { createHash, randomBytes } from "node:crypto";
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { transports, VmRig } from "../support/vm-rig.ts";

test.each(transports)("copy by %s owns what it makes, never what was there", async (transport) => {
  await using rig = await VmRig.create({ transport });
  // Enough for a disk, where there are some.
  const bulk = randomBytes(9 * 2 ** 20);
  await rig.put("src/lib/bulk", bulk);
  await rig.put("two", bulk);
  await rig.put("src/bin/tool", "#!/bin/sh\necho tool\n", 0o755);
  await rig.put("src/lib/data file", "data");
  await rig.put("src/lib/skip/me", "x");
  await rig.put("one", "1");
  await symlink("data file", join(rig.dir, "src/lib/link"));
  const id = await rig.built(`
    (user (uid 1000) (gid 1000))
    (copy (src src) (dst /home/builder/app) (exclude skip))
    (workdir /opt/deep)
    (copy (src one two) (dst ./nested/))
    (copy (src one) (dst renamed))
    (user (uid 0) (gid 0))
    (run (shell "
      stat -c '%n %a %u:%g' /home /home/builder /home/builder/app /home/builder/app/bin/tool '/home/builder/app/lib/data file' /opt /opt/deep/nested/two renamed
      cat /home/builder/app/lib/link nested/one; echo; /home/builder/app/bin/tool
      sha256sum /home/builder/app/lib/bulk nested/two | cut -c 1-64
      ls /home/builder/app/lib; stat -c %Y renamed"))`);
  const lines = (await rig.log(id)).split("\n");
  expect(lines).toContain("/home 755 0:0");
  expect(lines).toContain("/home/builder/app 755 1000:1000");
  expect(lines).toContain("/home/builder/app/bin/tool 755 1000:1000");
  expect(lines).toContain("/home/builder/app/lib/data file 644 1000:1000");
  expect(lines).toContain("/opt/deep/nested/two 644 1000:1000");
  expect(lines).toContain("renamed 644 1000:1000");
  expect(lines).toContain("data1");
  expect(lines).toContain("tool");
  const digest = createHash("sha256").update(bulk).digest("hex");
  expect(lines.filter((line) => line === digest)).toHaveLength(2);
  expect(lines).not.toContain("skip");
  expect(lines.at(-1)).toBe(String(Date.UTC(1980, 0, 2) / 1000));
});
