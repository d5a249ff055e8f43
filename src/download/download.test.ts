import { createHash, randomBytes } from "node:crypto";
import { EventEmitter, on } from "node:events";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type Answering,
  breakOff,
  type FileServer,
  giveFile,
  inTurn,
  serve,
} from "../../test/support/file-server.ts";
import { storeLayout, type StoreLayout } from "../store/layout.ts";
import { openStore } from "../store/open-store.ts";
import type { Checksum } from "./checksum.ts";
import { download, type DownloadRequest } from "./download.ts";

const content = randomBytes(300_000);
const other = randomBytes(300_000);
const sha256Of = (bytes: Uint8Array): Checksum => ({
  algorithm: "sha256",
  value: createHash("sha256").update(bytes).digest("hex"),
});
const checksum = sha256Of(content);
const key = `sha256-${checksum.value}`;

let layout: StoreLayout;
let server: FileServer | undefined;
let received: EventEmitter;
/** Bytes that the last download had so far. */
let receivedBytes: number;

/** Waits until the last download has so many bytes. */
async function isTaken(bytes: number): Promise<void> {
  if (receivedBytes >= bytes) return;
  for await (const _ of on(received, "bytes")) if (receivedBytes >= bytes) return;
}

/** Breaks off what the last download has received. */
const broken = (bytes: Uint8Array, length: number, etag = '"one"'): Answering =>
  breakOff(bytes, length, { etag, isTaken });

/** Tells `isTaken` what comes. */
function onProgress(progress: { readonly receivedBytes: number }): void {
  ({ receivedBytes } = progress);
  received.emit("bytes");
}

beforeEach(async () => {
  const root = join(await mkdtemp(join(tmpdir(), "vmbuild-download-")), "store");
  const opened = await openStore(root);
  if (!opened.ok) throw new Error(JSON.stringify(opened.error));
  layout = storeLayout(root);
  received = new EventEmitter();
  receivedBytes = 0;
});

afterEach(async () => {
  await server?.[Symbol.asyncDispose]();
  server = undefined;
  await rm(join(layout.root, ".."), { recursive: true, force: true });
});

/** Downloads from a server that answers so. */
async function get(answering: Answering, request: Partial<DownloadRequest> = {}) {
  await server?.[Symbol.asyncDispose]();
  server = await serve(answering);
  const { signal } = new AbortController();
  return await download({
    layout,
    source: { kind: "web", url: `${server.url}/disk.qcow2` },
    checksum,
    retryDelayMs: 1,
    signal,
    onProgress,
    ...request,
  });
}

/** Which of the two contents came; the file is let go. */
async function contentOf(got: Awaited<ReturnType<typeof get>>): Promise<string> {
  if (!got.ok) throw new Error(JSON.stringify(got.error));
  await using file = got.value;
  const came = await readFile(file.path);
  if (came.equals(content)) return "content";
  return came.equals(other) ? "other" : "neither";
}

/** A port on which nobody listens. */
async function freePort(): Promise<string> {
  await using gone = await serve(() => {});
  return new URL(gone.url).port;
}

const kept = () => readdir(layout.downloadDir);
const temporary = () => readdir(layout.stateStageDir);

describe("a file that comes", () => {
  test("is kept by its checksum, and not asked for again, whatever its URL", async () => {
    expect(await contentOf(await get(giveFile(content)))).toBe("content");
    expect(await kept()).toEqual([key]);
    expect((await stat(layout.download(key))).mode & 0o777).toBe(0o400);
    const again = await get(giveFile(other), {
      source: { kind: "web", url: "http://127.0.0.1:1/elsewhere" },
    });
    expect(again).toMatchObject({ ok: true, value: { wasKept: true } });
    expect(await contentOf(again)).toBe("content");
    expect(await temporary()).toEqual([]);
  });

  test("with the same name and another checksum is another file", async () => {
    await contentOf(await get(giveFile(content)));
    expect(await contentOf(await get(giveFile(other), { checksum: sha256Of(other) }))).toBe(
      "other",
    );
    expect(await kept()).toHaveLength(2);
  });

  test("without a checksum is not kept", async () => {
    const { checksum: _, ...request } = { checksum, signal: new AbortController().signal };
    server = await serve(giveFile(content));
    const source = { kind: "web", url: server.url } as const;
    expect(await contentOf(await download({ layout, source, ...request }))).toBe("content");
    expect(await kept()).toEqual([]);
    expect(await temporary()).toEqual([]);
  });

  test("stays for who has it when the store drops it", async () => {
    const got = await get(giveFile(content));
    await rm(layout.download(key));
    expect(await contentOf(got)).toBe("content");
  });

  test("through redirects, with its progress", async () => {
    const seen: string[] = [];
    const redirect: Answering = (_, response) => {
      response.writeHead(302, { location: "/elsewhere" }).end();
    };
    const got = await get(inTurn(redirect, giveFile(content)), {
      onProgress: ({ receivedBytes, totalBytes }) => seen.push(`${receivedBytes}/${totalBytes}`),
    });
    expect(await contentOf(got)).toBe("content");
    expect(server?.requests).toEqual(["GET /disk.qcow2", "GET /elsewhere"]);
    expect(seen.at(-1)).toBe("300000/300000");
  });

  test("to two at once is whole for both", async () => {
    server = await serve(giveFile(content));
    const source = { kind: "web", url: server.url } as const;
    const { signal } = new AbortController();
    const both = await Promise.all(
      [1, 2].map(() => download({ layout, source, checksum, signal })),
    );
    for (const got of both) expect(await contentOf(got)).toBe("content");
    expect(await kept()).toEqual([key]);
  });
});

describe("a connection that breaks", () => {
  test("is taken up where it broke", async () => {
    const answers = inTurn(broken(content, 100_000), broken(content, 50_000), giveFile(content));
    expect(await contentOf(await get(answers))).toBe("content");
    expect(server?.requests.slice(1)).toEqual([
      "GET /disk.qcow2 bytes=100000-",
      "GET /disk.qcow2 bytes=150000-",
    ]);
  });

  test("is begun anew by a server that knows no ranges", async () => {
    const whole: Answering = (_, response) => {
      response.end(content);
    };
    expect(await contentOf(await get(inTurn(broken(content, 100_000), whole)))).toBe("content");
  });

  test("is begun anew when there is another file by then", async () => {
    const answers = inTurn(broken(other, 100_000, '"old"'), giveFile(content, { etag: '"new"' }));
    expect(await contentOf(await get(answers))).toBe("content");
  });

  test("is begun anew when the server sends another part", async () => {
    const wrongPart: Answering = (_, response) => {
      response.writeHead(206, { "content-range": "bytes 5-9/300000" }).end("wrong");
    };
    const answers = inTurn(broken(content, 100_000), wrongPart, giveFile(content));
    expect(await contentOf(await get(answers))).toBe("content");
  });

  test("again and again keeps what came, and the next download goes on from there", async () => {
    const nothing: Answering = (request) => request.socket.destroy();
    const failed = await get(inTurn(broken(content, 100_000), nothing));
    expect(failed).toMatchObject({
      ok: false,
      error: { reason: "download-failed", message: "the server closed the connection" },
    });
    expect(await kept()).toEqual([`${key}.part`]);
    const { size } = await stat(layout.downloadPart(key));
    expect(failed).toMatchObject({ error: { keptBytes: size } });
    expect(await contentOf(await get(giveFile(content)))).toBe("content");
    expect(server?.requests).toEqual([`GET /disk.qcow2 bytes=${size}-`]);
    expect(await kept()).toEqual([key]);
  });

  test("of a process that was killed is taken up, too", async () => {
    const dead = "1-1-00000000-1-00000000";
    await writeFile(layout.downloadPart(key, dead), content.subarray(0, 200_000));
    expect(await contentOf(await get(giveFile(content)))).toBe("content");
    expect(server?.requests).toEqual(["GET /disk.qcow2 bytes=200000-"]);
    expect(await kept()).toEqual([key]);
  });

  test("when all had come already asks for no more than that", async () => {
    await writeFile(layout.downloadPart(key), content);
    expect(await contentOf(await get(giveFile(content)))).toBe("content");
  });

  test("does no harm by a beginning of something else", async () => {
    await writeFile(layout.downloadPart(key), other.subarray(0, 200_000));
    expect(await contentOf(await get(giveFile(content)))).toBe("content");
    expect(server?.requests).toEqual(["GET /disk.qcow2 bytes=200000-", "GET /disk.qcow2"]);
  });

  test("without a checksum is only taken up when the server tells that it is the same file", async () => {
    const { signal } = new AbortController();
    const withoutTag: Answering = (_, response) => {
      response.writeHead(200, { "content-length": content.length });
      response.write(content.subarray(0, 100_000), () => {
        void isTaken(100_000).then(() => response.socket?.destroy());
      });
    };
    for (const [first, second] of [
      [broken(content, 100_000), /bytes=/],
      [withoutTag, /^GET \/$/],
    ] as const) {
      await server?.[Symbol.asyncDispose]();
      receivedBytes = 0;
      server = await serve(inTurn(first, giveFile(content)));
      const source = { kind: "web", url: server.url } as const;
      const got = await download({ layout, source, retryDelayMs: 1, signal, onProgress });
      expect(await contentOf(got)).toBe("content");
      expect(server.requests[1]).toMatch(second);
    }
  });
});

test("a rest of another file, which no condition keeps a server from sending, is not joined to the beginning", async () => {
  const { signal } = new AbortController();
  const restOfOther: Answering = (request, response) => {
    const first = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const range = `bytes ${first}-${other.length - 1}/${other.length}`;
    response.writeHead(206, { etag: '"two"', "content-range": range });
    response.end(other.subarray(first));
  };
  server = await serve(
    inTurn(broken(content, 100_000), restOfOther, giveFile(other, { etag: '"two"' })),
  );
  const source = { kind: "web", url: server.url } as const;
  const got = await download({ layout, source, retryDelayMs: 1, signal, onProgress });
  expect(await contentOf(got)).toBe("other");
});

describe("what cannot be had", () => {
  test("is larger than the disk has room for: nothing of it is fetched", async () => {
    const huge: Answering = (_, response) => {
      response.writeHead(200, { "content-length": 1e15 });
      response.write("x");
    };
    expect(await get(huge)).toMatchObject({ ok: false, error: { reason: "disk-full" } });
    expect(await kept()).toEqual([]);
  });

  test("has another checksum: nothing is kept, and both are told", async () => {
    expect(await get(giveFile(other))).toEqual({
      ok: false,
      error: {
        reason: "checksum-mismatch",
        source: `${server?.url}/disk.qcow2`,
        algorithm: "sha256",
        expected: checksum.value,
        actual: sha256Of(other).value,
      },
    });
    expect(await kept()).toEqual([]);
    expect(await temporary()).toEqual([]);
  });

  test.each([
    [404, "the server answered 404 Not Found", 1],
    [503, "the server answered 503 Service Unavailable", 4],
  ])("is answered with %i", async (status, message, requests) => {
    const failed = await get((_, response) => void response.writeHead(status).end("no"));
    expect(failed).toMatchObject({
      ok: false,
      error: { reason: "download-failed", message, keptBytes: 0 },
    });
    expect(server?.requests).toHaveLength(requests);
    expect(await kept()).toEqual([]);
  });

  test.each<[string, Answering]>([
    ["never answers", () => {}],
    [
      "stops in the middle",
      (_, response) => {
        response.writeHead(200, { "content-length": content.length });
        response.write(content.subarray(0, 1000));
      },
    ],
  ])("is on a server that %s", async (_, answering) => {
    expect(await get(answering, { idleMs: 100 })).toMatchObject({
      ok: false,
      error: { reason: "download-stalled", idleMs: 100 },
    });
  });

  test("is behind redirects without end", async () => {
    const answering: Answering = (_, response) =>
      void response.writeHead(302, { location: "/" }).end();
    expect(await get(answering)).toMatchObject({
      ok: false,
      error: { reason: "download-failed", message: "redirect count exceeded" },
    });
  });

  test("is on a server that is not there", async () => {
    const source = { kind: "web", url: `http://127.0.0.1:${await freePort()}/` } as const;
    expect(await get(giveFile(content), { source })).toMatchObject({
      ok: false,
      error: {
        reason: "download-failed",
        message: expect.stringContaining("ECONNREFUSED") as string,
      },
    });
  });

  test("is cancelled in the middle, and kept so far", async () => {
    const controller = new AbortController();
    const slowly: Answering = (_, response) => {
      response.writeHead(200, { "content-length": content.length });
      response.write(content.subarray(0, 1000));
    };
    const cancelled = await get(slowly, {
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    expect(cancelled).toEqual({ ok: false, error: { reason: "cancelled" } });
    expect(await kept()).toEqual([`${key}.part`]);
    expect(await temporary()).toEqual([]);
  });
});
