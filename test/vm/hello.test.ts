import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { VmRig } from "../support/vm-rig.ts";

test("the example spec builds, is cached as a whole, and only a changed last line runs again", async () => {
  await using rig = await VmRig.create({ fresh: true });
  await cp("spec-examples", join(rig.dir, "spec-examples"), { recursive: true });
  const path = "spec-examples/hello.spec";
  const argv = ["build", "-f", path, "."];

  const first = await rig.run(argv);
  expect(first.exitCode, first.stderr).toBe(0);
  const id = first.stdout;
  expect(id).toMatch(/^[0-9a-f]{64}$/);
  expect(first.stderr).toContain("| compressing index.html");
  expect(first.stderr).toContain("| served by builder from /srv/site");
  expect(first.stderr).not.toContain("cached");
  expect(first.stderr).not.toContain("todo.html");

  const second = await rig.run(argv);
  expect(second).toMatchObject({ exitCode: 0, stdout: id });
  expect(second.stderr).not.toContain("saved");
  expect(second.stderr).toContain("| served by builder from /srv/site");

  const text = await readFile(join(rig.dir, path), "utf8");
  await rig.put(path, text.replace("hello from", "goodbye from"));
  const third = await rig.run(argv);
  expect(third.exitCode, third.stderr).toBe(0);
  expect(third.stdout).not.toBe(id);
  expect(third.stderr.match(/---> saved/g)).toHaveLength(1);
  expect(third.stderr).toContain("| goodbye from Linux");
  expect(await rig.machines()).toEqual([]);
});
