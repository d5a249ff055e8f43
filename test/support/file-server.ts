import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What a server does with one request. */
export type Answering = (request: IncomingMessage, response: ServerResponse) => void;

/** An HTTP server on a free port of this host. */
export interface FileServer extends AsyncDisposable {
  /** Without a slash at its end. */
  readonly url: string;
  /** The requests so far: `GET /path`, with the range that was asked for. */
  readonly requests: readonly string[];
}

/** Serves by `answering`, which may keep a request waiting: disposing ends all connections. */
export async function serve(answering: Answering): Promise<FileServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const { range } = request.headers;
    requests.push(`${request.method} ${request.url}${range === undefined ? "" : ` ${range}`}`);
    answering(request, response);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

/** Gives the file, or the part of it that is asked for, as file servers do. */
export function giveFile(content: Uint8Array, { etag = '"one"' } = {}): Answering {
  return (request, response) => {
    const first = firstByte(request, etag);
    response.setHeader("etag", etag);
    if (first === undefined) {
      response.setHeader("content-length", content.length);
      response.end(content);
      return;
    }
    if (first >= content.length) {
      response.writeHead(416, { "content-range": `bytes */${content.length}` }).end();
      return;
    }
    const range = `bytes ${first}-${content.length - 1}/${content.length}`;
    const length = content.length - first;
    response.writeHead(206, { "content-range": range, "content-length": length });
    response.end(content.subarray(first));
  };
}

/**
 * Gives the file's first bytes and closes the connection, once `isTaken` says that a client has that many: who has not
 * read them by then may lose them.
 */
export function breakOff(
  content: Uint8Array,
  bytes: number,
  { etag = '"one"', isTaken = async (_bytes: number) => {} } = {},
): Answering {
  return (request, response) => {
    const first = firstByte(request, etag) ?? 0;
    const head = { etag, "content-length": content.length - first };
    if (first === 0) response.writeHead(200, head);
    else {
      const range = `bytes ${first}-${content.length - 1}/${content.length}`;
      response.writeHead(206, { ...head, "content-range": range });
    }
    const given = content.subarray(first, first + bytes);
    response.write(given, () => {
      void isTaken(first + given.length).then(() => response.socket?.destroy());
    });
  };
}

/** Answers each request by the next of these, and all further ones by the last. */
export function inTurn(...answers: readonly [Answering, ...Answering[]]): Answering {
  let count = 0;
  return (request, response) => {
    (answers[count++] ?? answers.at(-1) ?? answers[0])(request, response);
  };
}

/** The byte that a valid range begins with. */
function firstByte({ headers }: IncomingMessage, etag: string): number | undefined {
  const first = /^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1];
  const condition = headers["if-range"];
  return first === undefined || (condition !== undefined && condition !== etag)
    ? undefined
    : Number(first);
}
