import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { expect, test } from "vitest";
import { fdStream } from "./fd-stream.ts";

test("reads a file from its start, again and again, and never closes it", async () => {
  const dir = await mkdtemp(join(tmpdir(), "vmbuild-fd-"));
  try {
    const content = Buffer.alloc(1_000_000, "0123456789");
    await writeFile(join(dir, "file"), content);
    const handle = await open(join(dir, "file"), "r");
    expect((await buffer(fdStream(handle.fd, content.length))).equals(content)).toBe(true);
    fdStream(handle.fd, content.length).destroy();
    expect((await buffer(fdStream(handle.fd, 10))).toString()).toBe("0123456789");
    await handle.close();
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
