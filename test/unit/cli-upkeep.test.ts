import { mkdir, mkdtemp, readdir, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { idOf, metadataOf } from "../laws/store-fixture.ts";
import { type Ran, vmbuild } from "../support/run-vmbuild.ts";

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-upkeep-"));
  await mkdir(join(dir, "store", "base-image"), { recursive: true });
  const disk = join(dir, "store", "base-image", "tiny.img");
  await writeFile(disk, "tiny");
  await truncate(disk, 1024 ** 2);
  await writeFile(join(dir, "test.spec"), "((from tiny))");
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

function run(argv: readonly string[]): Promise<Ran> {
  return vmbuild(argv, { cwd: dir, env: { VMBUILD_STORE: "store" } });
}

/** Puts a layer into the store that is as good as a real one to everything but QEMU. */
async function putLayer(name: string, parent?: string): Promise<string> {
  const id = idOf(name);
  const path = join(dir, "store", "result", id);
  await mkdir(join(path, "rootfs"), { recursive: true });
  const metadata = metadataOf(id, parent === undefined ? undefined : idOf(parent));
  await writeFile(join(path, "layer.json"), JSON.stringify(metadata));
  await writeFile(join(path, "log"), "");
  await writeFile(join(path, "rootfs", "image.qcow2"), Buffer.alloc(100_000, name));
  return id;
}

describe("wrong command lines", () => {
  test.each([
    [["prune"], "prune needs to know what may stay"],
    [["prune", "--keep", "20XB"], '--keep: "20XB" is not a size such as 500M, 20GB or 0'],
    [["prune", "--keep", "-1"], '--keep: "-1" is not a size'],
    [["prune", "--free", "lots"], '--free: "lots" is not a size'],
    [["prune", "--older-than", "never"], '"never" is not an age such as 12h, 14d or 2w'],
    [["prune", "--older-than", "14"], "it needs a unit; did you mean 14d?"],
    [["prune", "everything"], "too many arguments"],
    [["clean", "--keep-caches"], "--keep-caches says nothing without --all"],
    [["delete"], "missing required argument 'id'"],
  ])("%j is a usage error that says what is wrong", async (argv, message) => {
    const ran = await run(argv);
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toContain(message);
  });
});

describe("delete", () => {
  test("looks at every id before it removes anything", async () => {
    const [one, two] = [await putLayer("one"), await putLayer("two")];
    const ran = await run(["delete", one, "nosuch", "neither", two]);
    expect(ran).toMatchObject({ exitCode: 3, stdout: "" });
    expect(ran.stderr).toContain("called nosuch; nothing in the store is called neither");
    expect((await run(["ls", "-q"])).stdout.split("\n").sort()).toEqual([one, two].sort());
  });

  test("takes what is built on a layer along when told to, children first", async () => {
    const parent = await putLayer("parent");
    const child = await putLayer("child", "parent");
    const refused = await run(["delete", parent]);
    expect(refused).toMatchObject({ exitCode: 3, stdout: "" });
    expect(refused.stderr).toContain("--recursive");
    const dry = await run(["delete", "-r", "--dry-run", parent]);
    expect(dry.stdout).toBe(`would delete ${child}\nwould delete ${parent}`);
    const ran = await run(["delete", "--recursive", parent, child]);
    expect(ran).toMatchObject({ exitCode: 0, stdout: `deleted ${child}\ndeleted ${parent}` });
    expect((await run(["ls", "-q"])).stdout).toBe("");
  });
});

describe("prune", () => {
  test("removes the layer that was not used for longest, and lists it before", async () => {
    const used = (await run(["build", "-f", "test.spec"])).stdout;
    await putLayer("old");
    const dry = await run(["prune", "--keep", "0.1GB", "--dry-run"]);
    expect(dry).toMatchObject({ exitCode: 0 });
    expect(dry.stdout).toContain("would free 0 B: there is nothing to remove");
    const aged = await run(["prune", "--older-than", "1d", "-n"]);
    expect(aged.stdout).toMatch(/layer +[0-9a-f]{12} +\d+ d +.*\(run \(shell true\)\)/);
    expect(aged.stdout).toContain("would free");
    expect(aged.stdout).toContain(": 1 layer");
    const json = JSON.parse((await run(["prune", "--older-than", "1d", "--json"])).stdout) as {
      removed: { kind: string; name: string; bytes: number }[];
      freedBytes: number;
      dryRun: boolean;
    };
    expect(json).toMatchObject({ dryRun: false, removed: [{ kind: "layer", name: idOf("old") }] });
    expect(json.freedBytes).toBeGreaterThanOrEqual(100_000);
    expect((await run(["ls", "-q"])).stdout).toBe(used);
  });

  test("a build that finds a layer in the store uses it", async () => {
    const id = (await run(["build", "-f", "test.spec"])).stdout;
    const mark = join(dir, "store", "state", "used", id);
    await run(["build", "-f", "test.spec"]);
    const longAgo = Date.now() / 1000 - 86_400;
    await utimes(mark, longAgo, longAgo);
    await run(["build", "-f", "test.spec"]);
    expect((await stat(mark)).mtimeMs / 1000).toBeGreaterThan(longAgo + 3600);
    expect(await readdir(join(dir, "store", "state", "holds"))).toEqual([]);
  });

  test("says when what must stay is more than what may", async () => {
    const id = await putLayer("kept");
    await run(["tag", id, "name"]);
    const ran = await run(["prune", "--keep", "0"]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stdout).toContain("stay: what is in use, has a tag or is needed by that");
    expect((await run(["ls", "-q"])).stdout).toBe(id);
  });
});

describe("df", () => {
  test("tells what takes the room and what could go", async () => {
    await putLayer("one");
    await run(["tag", await putLayer("two"), "name"]);
    const text = (await run(["df"])).stdout;
    expect(text).toMatch(/^WHAT +COUNT +SIZE +RECLAIMABLE/);
    expect(text).toMatch(/layers +2 +/);
    const json = JSON.parse((await run(["df", "--json"])).stdout) as {
      layers: { count: number; bytes: number; reclaimableBytes: number };
      freeBytes: number;
    };
    expect(json.layers.count).toBe(2);
    expect(json.layers.bytes).toBe(2 * json.layers.reclaimableBytes);
    expect(json.freeBytes).toBeGreaterThan(0);
  });
});

describe("clean", () => {
  test("removes what dead processes left and says so", async () => {
    await run(["ls"]);
    const left = join(dir, "store", "result-tmp", `${idOf("a")}.1-1-00000000-1-00000000`);
    await mkdir(left);
    const ran = await run(["clean"]);
    expect(ran).toMatchObject({ exitCode: 0, stdout: `removed unfinished step ${left}` });
    expect((await run(["clean"])).stdout).toBe("no dead process left anything");
  });

  test("with --all leaves base images, tags and what they need", async () => {
    await run(["build", "-f", "test.spec", "-t", "kept"]);
    await putLayer("gone");
    const ran = await run(["clean", "--all"]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stdout).toContain(": 1 layer");
    expect((await run(["ls"])).stdout).toContain("kept");
    expect((await run(["ls", "-q"])).stdout.split("\n")).toHaveLength(1);
    expect((await run(["base", "ls"])).stdout).toContain("tiny");
  });
});
