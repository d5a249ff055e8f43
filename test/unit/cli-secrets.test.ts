import { mkdir, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readSecrets } from "../../src/cli/read-secrets.ts";
import { type Ran, vmbuild } from "../support/run-vmbuild.ts";

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-secrets-"));
  await mkdir(join(dir, "store", "base-image"), { recursive: true });
  await writeFile(join(dir, "store/base-image/tiny.img"), "tiny");
  await truncate(join(dir, "store/base-image/tiny.img"), 1024 ** 2);
  await writeFile(join(dir, "value"), "hunter22\n");
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function build(text: string, ...argv: string[]): Promise<Ran> {
  await writeFile(join(dir, "test.spec"), text);
  return vmbuild(["build", "-f", "test.spec", ...argv], {
    cwd: dir,
    env: { VMBUILD_STORE: "store" },
  });
}

describe("--secret", () => {
  test.each<[flag: string, exitCode: number, message: string]>([
    ["value", 2, "--secret value: expected ID:FILE or ID=env:VARIABLE"],
    [":value", 2, "expected ID:FILE or ID=env:VARIABLE"],
    ["k:", 2, "expected ID:FILE or ID=env:VARIABLE"],
    ["=env:HOME", 2, "expected ID:FILE or ID=env:VARIABLE"],
    ["k=env:", 2, "expected ID:FILE or ID=env:VARIABLE"],
    ["k=env:NO_SUCH", 2, "--secret k=env:NO_SUCH: the environment has no variable NO_SUCH"],
    ["k:nosuch", 3, "--secret k:nosuch: there is no file nosuch"],
    ["k:store", 3, "--secret k:store: store is a directory, not a file"],
    ["k:/dev/zero", 3, "/dev/zero is a device, not a file"],
    ["k:large", 3, "--secret k:large: a secret may have 1 MiB at most"],
  ])("%s is refused before anything is done", async (flag, exitCode, message) => {
    await writeFile(join(dir, "large"), "");
    await truncate(join(dir, "large"), 2 ** 20 + 1);
    const ran = await build("((from tiny))", "--secret", flag);
    expect(ran).toMatchObject({ exitCode, stdout: "" });
    expect(ran.stderr).toContain(message);
    expect(ran.stderr.trim().split("\n")).toHaveLength(1);
  });

  test("may stand once for each secret", async () => {
    const ran = await build("((from tiny))", "--secret", "k:value", "--secret", "k=env:HOME");
    expect(ran.exitCode, ran.stderr).toBe(2);
    expect(ran.stderr).toContain("there is another --secret for k");
  });

  test("that is missing is asked for, for all secrets in one message", async () => {
    const text = `((from tiny)
 (run (secrets (one (target /1)) (given (target /g)) ("t'wo" (target /2))) (shell x)))`;
    const ran = await build(text, "--secret", "given:value");
    expect(ran).toMatchObject({ exitCode: 2, stdout: "" });
    expect(ran.stderr).toContain(
      "vmbuild: test.spec:2:2: the spec asks for the secrets one and t'wo, which are not given\n",
    );
    expect(ran.stderr).toContain(`hint: add --secret one:FILE --secret 't'\\''wo:FILE'; `);
  });

  test("that nobody asks for is a warning", async () => {
    const ran = await build("((from tiny))", "--secret", "spare:value", "--progress", "plain");
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stderr).toContain(
      "warning: the secret spare is given, but no step of the spec asks for it\n",
    );
    const json = await build("((from tiny))", "--secret", "spare:value", "--progress", "json");
    expect(JSON.parse(json.stderr.split("\n", 1).join(""))).toMatchObject({
      event: "note",
      warning: true,
    });
  });
});

describe("the values of secrets", () => {
  test("are the bytes of a file, a pipe or a variable", async () => {
    const bytes = Buffer.from([0, 255, 10, 0]);
    await writeFile(join(dir, "bytes"), bytes);
    await writeFile(join(dir, "a:b"), "colon");
    const read = await readSecrets(
      [`binary:${dir}/bytes`, `odd=id:${dir}/a:b`, "path=env:PATH"],
      {},
    );
    expect([...read.keys()]).toEqual(["binary", "odd=id", "path"]);
    expect(read.get("binary")).toEqual(bytes);
    expect(Buffer.from(read.get("odd=id") ?? []).toString()).toBe("colon");
    expect(Buffer.from(read.get("path") ?? []).toString()).toBe(process.env["PATH"]);
  });

  test("are taken out of the environment that other programs get", async () => {
    const env = { PATH: "p", HOME: "h" };
    await readSecrets(["a=env:PATH", "b=env:PATH"], env);
    expect(env).toEqual({ HOME: "h" });
  });
});
