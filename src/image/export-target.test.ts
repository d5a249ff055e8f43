import { mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { deadOwner } from "../../test/support/damage.ts";
import { newOwner } from "../store/owner.ts";
import { exportTarget } from "./export-target.ts";

let dir: string;

beforeEach(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), "vmbuild-target-")));
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

/** The path below `dir` that an image for `name` is written to, or why it is not. */
async function target(name: string): Promise<string> {
  const found = await exportTarget(join(dir, name));
  if (found.ok) return found.value.path.replace(dir, "DIR");
  const { error } = found;
  return "message" in error
    ? `${error.reason}: ${error.message.replace(dir, "DIR")}`
    : error.reason;
}

describe("exportTarget", () => {
  test("is a file, there or not, and leaves nothing behind", async () => {
    await writeFile(join(dir, "there.raw"), "old");
    expect(await target("there.raw")).toBe("DIR/there.raw");
    expect(await target("new.raw")).toBe("DIR/new.raw");
    expect(await readdir(dir)).toEqual(["there.raw"]);
  });

  test("takes away what was staged by processes that were killed, and nothing else", async () => {
    const foreign = (await deadOwner()).replace(/^(\d+-\d+)-[0-9a-f]{8}/, "$1-00000000");
    const kept = [`.vmbuild-${await newOwner()}`, `.vmbuild-${foreign}`, ".vmbuild-edit-of-1"];
    for (const name of [...kept, `.vmbuild-${await deadOwner()}`]) {
      await writeFile(join(dir, name), "");
    }
    await target("new.raw");
    expect((await readdir(dir)).sort()).toEqual(kept.sort());
  });

  test("is what a symlink leads to, also when nothing is there yet", async () => {
    await mkdir(join(dir, "images"));
    await writeFile(join(dir, "images", "there.raw"), "old");
    await symlink("images/there.raw", join(dir, "a.raw"));
    await symlink("images/new.raw", join(dir, "b.raw"));
    await symlink("b.raw", join(dir, "c.raw"));
    await symlink("images", join(dir, "link"));
    await symlink("../a.raw", join(dir, "images", "up.raw"));
    expect(await target("a.raw")).toBe("DIR/images/there.raw");
    expect(await target("b.raw")).toBe("DIR/images/new.raw");
    expect(await target("c.raw")).toBe("DIR/images/new.raw");
    expect(await target("link/up.raw")).toBe("DIR/images/there.raw");
    expect(await target("link/new.raw")).toBe("DIR/images/new.raw");
  });

  test("is not a FIFO, a socket or a directory, nor a symlink to one", async () => {
    await execa("mkfifo", [join(dir, "fifo.raw")]);
    await mkdir(join(dir, "dir.raw"));
    await symlink("fifo.raw", join(dir, "link.raw"));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(dir, "socket.raw"), resolve));
    await using _ = { [Symbol.asyncDispose]: async () => void server.close() };
    const refused = (what: string): string =>
      `export-target-unusable: it is ${what}, not a regular file`;
    expect(await target("fifo.raw")).toBe(refused("a FIFO"));
    expect(await target("link.raw")).toBe(refused("a FIFO"));
    expect(await target("socket.raw")).toBe(refused("a socket"));
    expect(await target("dir.raw")).toBe(refused("a directory"));
  });

  test("needs a directory to be in", async () => {
    await writeFile(join(dir, "file"), "");
    await symlink("none/x.raw", join(dir, "dangling.raw"));
    await symlink("loop.raw", join(dir, "loop.raw"));
    expect(await target("none/x.raw")).toBe(
      "export-target-unusable: there is no directory DIR/none",
    );
    expect(await target("file/x.raw")).toContain("is not a directory");
    expect(await target("dangling.raw")).toContain("there is no directory DIR/none");
    expect(await target("loop.raw")).toContain("leads in a circle");
  });

  test("needs a directory that takes new files", async () => {
    // Nobody can create anything there, not even root, whom modes do not stop.
    const found = await exportTarget("/proc/image.raw");
    expect(found).toMatchObject({ error: { reason: "export-failed", path: "/proc/image.raw" } });
    expect(JSON.stringify(found)).toContain("nothing can be created in /proc");
  });

  test("has a name as long as the file system takes, and no longer", async () => {
    const long = "n".repeat(251);
    expect(await target(`${long}.raw`)).toBe(`DIR/${long}.raw`);
    expect(await target(`${long}n.raw`)).toBe(
      "export-target-unusable: the name is too long for its file system",
    );
  });
});
