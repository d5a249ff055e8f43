import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { VmRig } from "../support/vm-rig.ts";

test("copy owns what it makes, never what was there", async () => {
  await using rig = await VmRig.create();
  await rig.put("src/bin/tool", "#!/bin/sh\necho tool\n", 0o755);
  await rig.put("src/lib/data file", "data");
  await rig.put("src/lib/skip/me", "x");
  await rig.put("one", "1");
  await rig.put("two", "2");
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
  expect(lines).not.toContain("skip");
  expect(lines.at(-1)).toBe(String(Date.UTC(1980, 0, 2) / 1000));
});
