import { chmod, mkdir, mkdtemp, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Ran, vmbuild } from "../support/run-vmbuild.ts";

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-verify-"));
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

describe("verify", () => {
  test("finds nothing in a store that was just built in", async () => {
    expect((await run(["build", "-f", "test.spec", "-t", "result"])).exitCode).toBe(0);
    const ran = await run(["verify"]);
    expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
    expect(ran.stdout).toBe(
      "1 layer, 0 suspended machines, 0 downloads, 0 caches, 1 file of base images: nothing is wrong",
    );
  });

  test("names what is wrong and the way out, and ends with 4", async () => {
    const { stdout: id } = await run(["build", "-f", "test.spec"]);
    const layer = join(dir, "store", "result", id);
    await chmod(layer, 0o755);
    await rm(join(layer, "log"));
    const ran = await run(["verify"]);
    expect(ran.exitCode, ran.stderr).toBe(4);
    expect(ran.stdout).toContain(`FAIL  ${join(layer, "log")} is missing`);
    expect(ran.stdout).toContain(`fix: chmod 0700 ${layer}`);
    expect(ran.stderr).toContain("2 things wrong with the store");
    const json = await run(["verify", "--json"]);
    expect(json.exitCode, json.stderr).toBe(4);
    expect(JSON.parse(json.stdout)).toMatchObject({
      layers: 1,
      findings: [
        { level: "error", reason: "file-missing", path: join(layer, "log") },
        { level: "error", reason: "mode-wrong", path: layer, mode: 0o755 },
      ],
    });
  });

  test("has a suspended machine that cannot be used as a warning, and ends with 0", async () => {
    const { stdout: id } = await run(["build", "-f", "test.spec"]);
    const machine = join(dir, "store", "result", id, "machine");
    await mkdir(machine);
    const missing = await run(["verify"]);
    expect(missing.exitCode, missing.stderr).toBe(0);
    expect(missing.stdout).toContain(
      `warn  the suspended machine ${machine} cannot be used: it has`,
    );
    await writeFile(join(machine, "machine.json"), "{");
    const torn = await run(["verify"]);
    expect(torn.exitCode, torn.stderr).toBe(0);
    expect(torn.stdout).toContain("its record cannot be read");
  });

  test("leaves alone what opening the store would clear away", async () => {
    await run(["build", "-f", "test.spec"]);
    const left = join(dir, "store", "cache-tmp", "1-1-00000000-1-00000000");
    await mkdir(left);
    const ran = await run(["verify"]);
    expect(ran.exitCode, ran.stderr).toBe(4);
    expect(ran.stdout).toContain(`${left} was left by process 1, which has ended`);
    expect(await readdir(join(dir, "store", "cache-tmp"))).toHaveLength(1);
    await run(["ls"]);
    expect((await run(["verify"])).exitCode).toBe(0);
  });

  test("does not make the store it is to look at", async () => {
    const ran = await run(["verify", "--store", "nowhere"]);
    expect(ran).toMatchObject({ exitCode: 3, stdout: "" });
    expect(ran.stderr).toContain("there is no store at");
    expect(await readdir(dir)).not.toContain("nowhere");
  });
});
