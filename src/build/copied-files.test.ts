import { mkdir, open, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { BuildRig } from "../../test/support/build-rig.ts";
import { obedientSandbox } from "../../test/support/scripted-sandbox.ts";
import { guestTree } from "../tree/guest-tree.ts";
import { readTarMembers } from "../tree/tar-members.ts";

/** What an archive holds: paths, with the texts of symlinks. */
async function contents(dir: string, archive: Buffer | undefined): Promise<readonly string[]> {
  const path = join(dir, "copied.tar");
  await writeFile(path, archive ?? "");
  await using file = await open(path, "r");
  const members = await readTarMembers(file);
  const tree = members.ok ? guestTree(members.value) : members;
  if (!tree.ok) throw new Error(JSON.stringify(tree.error));
  return [...tree.value.values()].map(({ path: name, linkTarget }) =>
    linkTarget === "" ? name : `${name} -> ${linkTarget}`,
  );
}

/** A directory that stands for the files of every guest. */
async function guestDir(rig: BuildRig): Promise<string> {
  const dir = join(rig.dir, "guest");
  await mkdir(join(dir, "out", "sub"), { recursive: true });
  for (const name of ["tool", "sub/data", "sub/skip"])
    await writeFile(join(dir, "out", name), name);
  await symlink("tool", join(dir, "out", "link"));
  return dir;
}

const nested = (copy: string) => `((build tools ((from tiny) (run (shell "make"))))
  (from tiny) (workdir /srv) ${copy})`;

describe("a copy from a nested build", () => {
  test.each<[string, string, readonly string[]]>([
    ["a file", "(src /out/tool) (dst /bin/new)", ["bin", "bin/new"]],
    ["a file into a directory", "(src out/tool) (dst bin/)", ["srv", "srv/bin", "srv/bin/tool"]],
    ["a symlink", "(src /out/link) (dst /l)", ["l -> tool"]],
    [
      "a directory",
      "(src /out) (dst /new)",
      ["new", "new/link -> tool", "new/sub", "new/sub/data", "new/sub/skip", "new/tool"],
    ],
    [
      "several sources, without the excluded names",
      "(src /out/sub /out/tool /out/sub/skip) (dst ./) (exclude skip)",
      ["srv", "srv/skip", "srv/sub", "srv/sub/data", "srv/tool"],
    ],
  ])("brings %s", async (_, fields, expected) => {
    await using rig = await BuildRig.create();
    const sandbox = obedientSandbox(await guestDir(rig));
    const built = await rig.build(nested(`(copy (from (build tools)) ${fields})`), sandbox);
    expect(built.ok ? "ok" : built.error).toBe("ok");
    expect(sandbox.ran).toEqual(["make", "copy"]);
    expect(await contents(rig.dir, sandbox.archives[0])).toEqual(expected);
    expect(await readdir(join(rig.store.root, "result-tmp"))).toEqual([]);
  });

  test("reads the last layer of the build, on a disk that is thrown away", async () => {
    await using rig = await BuildRig.create();
    const sandbox = obedientSandbox(await guestDir(rig));
    const text = nested("(copy (from (build tools)) (src /out/tool) (dst /t))");
    const plan = await rig.plan(text);
    await rig.build(text, sandbox);
    const made = plan.steps.find(({ heading }) => heading.includes("make"));
    expect(sandbox.reads).toMatchObject([{ id: made?.id, paths: ["/out/tool"] }]);
    expect(sandbox.reads[0]?.diskPath.startsWith(join(rig.store.root, "result-tmp"))).toBe(true);
  });

  test("works when the build is in the store already, and is itself kept there", async () => {
    await using rig = await BuildRig.create();
    const guest = await guestDir(rig);
    await rig.build(`((from tiny) (run (shell "make")))`, obedientSandbox(guest));
    const text = nested("(copy (from (build tools)) (src /out/tool) (dst /t))");
    const sandbox = obedientSandbox(guest);
    expect((await rig.build(text, sandbox)).ok).toBe(true);
    expect(sandbox.ran).toEqual(["copy"]);
    const again = obedientSandbox(guest);
    expect((await rig.build(text, again)).ok).toBe(true);
    expect([again.ran, again.reads]).toEqual([[], []]);
  });

  test("from builds within builds", async () => {
    await using rig = await BuildRig.create();
    const sandbox = obedientSandbox(await guestDir(rig));
    const built = await rig.build(
      `((build outer
          ((build inner ((from tiny) (run (shell "inner"))))
           (from tiny)
           (copy (from (build inner)) (src /out/tool) (dst /t))
           (run (shell "outer"))))
        (from tiny)
        (copy (from (build outer)) (src /out/tool) (dst /t))
        (run (shell "main")))`,
      sandbox,
    );
    expect(built.ok ? "ok" : built.error).toBe("ok");
    expect(sandbox.ran).toEqual(["inner", "copy", "outer", "copy", "main"]);
  });

  test("of what is not there names the build, the path and the step", async () => {
    await using rig = await BuildRig.create();
    const sandbox = obedientSandbox(await guestDir(rig));
    const built = await rig.build(
      nested("(copy (from (build tools)) (src /out/tool /out/none) (dst /t/))"),
      sandbox,
    );
    if (built.ok) throw new Error("must fail");
    expect(built.error).toMatchObject({
      step: { op: "copy" },
      failure: {
        reason: "guest-files",
        build: "tools",
        cause: { reason: "path-missing", path: "/out/none" },
      },
    });
    expect(sandbox.ran).toEqual(["make"]);
    expect(await readdir(join(rig.store.root, "result-tmp"))).toEqual([]);
  });

  test("is not begun when the guest's archive is no good", async () => {
    await using rig = await BuildRig.create();
    const sandbox = obedientSandbox(await guestDir(rig));
    sandbox.read = async ({ archivePath }) => {
      await writeFile(archivePath, "no archive");
      return { ok: true, value: undefined };
    };
    const built = await rig.build(
      nested("(copy (from (build tools)) (src /out) (dst /t))"),
      sandbox,
    );
    if (built.ok) throw new Error("must fail");
    expect(built.error.failure).toMatchObject({
      reason: "guest-files",
      cause: { reason: "archive-invalid", message: "it is cut off" },
    });
    expect(sandbox.ran).toEqual(["make"]);
  });
});
