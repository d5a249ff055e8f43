import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import ssh2 from "ssh2";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { guest, hostKey, logIn, userKey } from "../../test/fixtures/session-rig.ts";
import { keyPair } from "../../test/fixtures/key-pair.ts";

describe("the host key", () => {
  test("that is pinned is accepted, whichever others the guest has", async () => {
    const ecdsa = keyPair("ecdsa");
    for (const pinned of [hostKey.public, `${ecdsa.public} root@guest`]) {
      await using server = await guest({ hostKeys: [hostKey.private, ecdsa.private] });
      const opened = await logIn(server, { hostKey: pinned });
      expect(opened.ok).toBe(true);
      if (opened.ok) opened.value.close();
    }
  });

  test.each(["ed25519", "ecdsa"] as const)(
    "another than the pinned %s one is refused",
    async (type) => {
      const expected = keyPair(type).public;
      await using server = await guest();
      const opened = await logIn(server, { hostKey: expected });
      const actual = hostKey.public.split(" ").slice(0, 2).join(" ");
      expect(opened).toEqual({
        ok: false,
        error: { reason: "host-key-mismatch", expected, actual },
      });
    },
  );
});

describe("the login", () => {
  test("says what was tried when it is refused", async () => {
    await using server = await guest({ authorizedKeys: [] });
    const opened = await logIn(server);
    expect(opened).toEqual({
      ok: false,
      error: {
        reason: "login-refused",
        user: "root",
        tried: ["id_ed25519"],
        message: "no key was accepted",
      },
    });
  });

  test("goes on with the next key after a refusal", async () => {
    await using server = await guest();
    const opened = await logIn(server, {
      methods: [
        { kind: "key", path: "other", privateKey: keyPair().private },
        { kind: "key", path: "right", privateKey: userKey.private },
      ],
    });
    expect(opened.ok).toBe(true);
    if (opened.ok) opened.value.close();
  });

  test("can be tried again when the guest hangs up before it", async () => {
    await using server = await guest({
      onConnection(socket) {
        socket.write("SSH-2.0-starting\r\n");
        socket.once("data", () => socket.destroy());
        return false;
      },
    });
    const opened = await logIn(server);
    expect(opened).toMatchObject({ ok: false, error: { reason: "handshake-lost" } });
  });

  test("is given up when the signal is aborted", async () => {
    const abort = new AbortController();
    await using server = await guest({
      onConnection(socket) {
        socket.write("SSH-2.0-silent\r\n");
        socket.once("data", () => abort.abort());
        return false;
      },
    });
    const opened = await logIn(server, { signal: abort.signal });
    expect(opened).toEqual({ ok: false, error: { reason: "cancelled" } });
  });

  describe("with an agent", () => {
    let dir: string;
    beforeAll(async () => {
      dir = await mkdtemp(path.join(tmpdir(), "vmbuild-agent-"));
    });
    afterAll(() => rm(dir, { recursive: true }));

    async function agent(keys: readonly string[]): Promise<AsyncDisposable & { path: string }> {
      const sockets = new Set<Socket>();
      const server = createServer((socket) => {
        sockets.add(socket);
        const protocol = new ssh2.AgentProtocol(false);
        const parsed = keys.map((key) => ssh2.utils.parseKey(key) as ssh2.ParsedKey);
        protocol.on("identities", (request) => protocol.getIdentitiesReply(request, parsed));
        protocol.on("sign", (request, publicKey, data) => {
          const key = parsed.find((candidate) =>
            candidate.getPublicSSH().equals(publicKey.getPublicSSH()),
          );
          if (key) protocol.signReply(request, key.sign(data));
          else protocol.failureReply(request);
        });
        socket.on("error", () => {});
        socket.pipe(protocol).pipe(socket);
      });
      const socketPath = path.join(dir, `${keys.length}.sock`);
      server.listen(socketPath);
      await once(server, "listening");
      return {
        path: socketPath,
        async [Symbol.asyncDispose]() {
          for (const socket of sockets) socket.destroy();
          server.close();
          await once(server, "close");
        },
      };
    }

    test("its keys are used", async () => {
      await using keys = await agent([keyPair().private, userKey.private]);
      await using server = await guest();
      const opened = await logIn(server, {
        methods: [{ kind: "agent", socketPath: keys.path }],
      });
      expect(opened.ok).toBe(true);
      if (opened.ok) opened.value.close();
    });

    test("that is not there, the files are tried", async () => {
      await using server = await guest();
      const opened = await logIn(server, {
        methods: [
          { kind: "agent", socketPath: path.join(dir, "none.sock") },
          { kind: "key", path: "right", privateKey: userKey.private },
        ],
      });
      expect(opened.ok).toBe(true);
      if (opened.ok) opened.value.close();
    });

    test("that has no accepted key, the refusal names it", async () => {
      await using keys = await agent([keyPair().private]);
      await using server = await guest();
      const opened = await logIn(server, {
        methods: [{ kind: "agent", socketPath: keys.path }],
      });
      expect(opened).toMatchObject({
        ok: false,
        error: { reason: "login-refused", tried: [`SSH agent ${keys.path}`] },
      });
    });
  });
});
