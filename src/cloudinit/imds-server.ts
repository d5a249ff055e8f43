/**
 * A seed over HTTP, as an instance metadata service of its own: what a guest with a network reads instead of a disk.
 *
 * It listens on the loopback alone, which a guest on QEMU's user network sees as 10.0.2.2, below a path that nobody can
 * guess: other users of the host reach the port, too.
 */
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { SeedFile } from "./seed-image.ts";

/** What the host is called in a guest on QEMU's user network. */
const hostInGuest = "10.0.2.2";

/** A seed that is served until it is disposed, which ends what is being fetched. */
export interface Imds extends AsyncDisposable {
  readonly port: number;
  /** Where the seed is for who knows this host as `host`, with a `/` at the end. It is a secret as the seed's files are. */
  url(host?: string): string;
  /** The names of the files that were fetched, whole, in the order in which they first were. */
  readonly fetched: readonly string[];
}

/**
 * The files that are always there: cloud-init asks for them, and for a missing one ten times in as many seconds. Nothing
 * in them is the same as none.
 */
const optionalFiles = ["vendor-data", "network-config"];

/** Serves the files of a seed, and nothing else. @throws what the system throws when no port can be had */
export async function serveSeed(files: readonly SeedFile[]): Promise<Imds> {
  const token = randomBytes(16).toString("hex");
  const nothing = new Uint8Array();
  const contents = new Map(
    [...optionalFiles.map((name) => ({ name, content: nothing })), ...files].map((file) => [
      `/${token}/${file.name}`,
      file,
    ]),
  );
  const fetched = new Set<string>();
  const server = createServer((request, response) => {
    const file = contents.get(request.url ?? "");
    const isGet = request.method === "GET";
    if (file === undefined || !(isGet || request.method === "HEAD")) {
      response.writeHead(404, { "Content-Length": 0 }).end();
      return;
    }
    if (isGet) response.once("finish", () => fetched.add(file.name));
    response
      .writeHead(200, {
        "Content-Type": "application/octet-stream",
        "Content-Length": file.content.length,
        "Cache-Control": "no-store",
      })
      .end(isGet ? file.content : undefined);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: (host = hostInGuest) => `http://${host}:${port}/${token}/`,
    get fetched() {
      return [...fetched];
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      server.closeAllConnections();
      await closed;
    },
  };
}

/**
 * The serial number by which SMBIOS tells cloud-init's NoCloud where a seed is (`-smbios type=1,serial=…`, where QEMU
 * wants every comma twice).
 *
 * `s` is the short name of `seedfrom`, which every version knows. Without `dsmode`, versions before 23.3 fetch the seed and
 * then say that they are in local mode, and do nothing; `ds=nocloud-net` would do as well, and is deprecated.
 */
export function smbiosSerial(url: string): string {
  return `ds=nocloud;s=${url};dsmode=net`;
}
