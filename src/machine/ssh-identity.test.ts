import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import ssh2 from "ssh2";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { keyPair } from "../../test/fixtures/key-pair.ts";
import { checkPrivateKey } from "./private-key.ts";
import { authMethods } from "./ssh-identity.ts";

let home: string;
let keyPath: string;
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), "vmbuild-home-"));
  keyPath = path.join(home, ".ssh", "id_ed25519");
  await mkdir(path.join(home, ".ssh"));
});
afterEach(() => rm(home, { recursive: true }));

const plain = keyPair().private;
const encrypted = ssh2.utils.generateKeyPairSync("ed25519", {
  passphrase: "secret",
  cipher: "aes256-cbc",
  rounds: 1,
}).private;
const agent = { kind: "agent", socketPath: "/agent.sock" } as const;
const withAgent = { SSH_AUTH_SOCK: "/agent.sock" };

function methods(kind: "store" | "file" | "user", env: Record<string, string> = {}) {
  return authMethods({
    identity: kind === "file" ? { kind, path: keyPath } : { kind },
    storeIdentityPath: keyPath,
    checkKey: checkPrivateKey,
    env,
    home,
  });
}

describe("the store's key", () => {
  test("stands alone, whatever the agent has", async () => {
    await writeFile(keyPath, plain);
    expect(await methods("store", withAgent)).toEqual({
      ok: true,
      value: [{ kind: "key", path: keyPath, privateKey: plain }],
    });
  });

  test("must be there", async () => {
    expect(await methods("store")).toMatchObject({
      ok: false,
      error: {
        reason: "identity-unusable",
        path: keyPath,
        message: expect.stringMatching("ENOENT"),
      },
    });
  });
});

describe("a named key file", () => {
  test("is used", async () => {
    await writeFile(keyPath, plain);
    expect(await methods("file")).toMatchObject({ ok: true, value: [{ path: keyPath }] });
  });

  test("that is encrypted is left to the agent", async () => {
    await writeFile(keyPath, encrypted);
    expect(await methods("file", withAgent)).toEqual({ ok: true, value: [agent] });
  });

  test("that is encrypted is unusable without an agent, with a hint", async () => {
    await writeFile(keyPath, encrypted);
    expect(await methods("file")).toMatchObject({
      ok: false,
      error: { path: keyPath, message: expect.stringMatching(`ssh-add ${keyPath}`) },
    });
  });

  test.each([
    ["no key", "hello"],
    ["a public key", keyPair().public],
  ])("that is %s is unusable", async (_name, content) => {
    await writeFile(keyPath, content);
    expect(await methods("file", withAgent)).toMatchObject({
      ok: false,
      error: { reason: "identity-unusable", path: keyPath },
    });
  });
});

describe("the user's own identity", () => {
  test("is the agent, then the default files", async () => {
    await writeFile(path.join(home, ".ssh", "id_rsa"), plain);
    await writeFile(keyPath, plain);
    const found = await methods("user", withAgent);
    expect(found).toMatchObject({
      ok: true,
      value: [agent, { path: keyPath }, { path: path.join(home, ".ssh", "id_rsa") }],
    });
  });

  test("passes over encrypted files when there is another way", async () => {
    await writeFile(keyPath, encrypted);
    expect(await methods("user", withAgent)).toEqual({ ok: true, value: [agent] });
  });

  test("names the encrypted file when it is the only way", async () => {
    await writeFile(keyPath, encrypted);
    expect(await methods("user")).toMatchObject({
      ok: false,
      error: { path: keyPath, message: expect.stringMatching("ssh-add") },
    });
  });

  test("is unusable when there is nothing", async () => {
    expect(await methods("user")).toMatchObject({
      ok: false,
      error: { path: path.join(home, ".ssh") },
    });
  });
});
