import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { publish } from "../../test/laws/cache-content.ts";
import {
  expectOk,
  idOf,
  metadataOf,
  openStageOn,
  type StoreFixture,
  storeFixture,
} from "../../test/laws/store-fixture.ts";
import { deadOwner, overwrite, rebase, treeOf } from "../../test/support/damage.ts";
import { storeLayout, type StoreLayout } from "./layout.ts";
import { openStore } from "./open-store.ts";
import type { Store } from "./store.ts";
import { isWarning, type StoreReport } from "./store-report.ts";
import { verifyStore } from "./verify-store.ts";

const run = promisify(execFile);
const a = idOf("a");
const b = idOf("b");
const knowledge = {
  changedDownload: async () => undefined,
  bootFiles: () => [],
  suspendedProblem: async () => undefined,
};
const changedKnowledge = { ...knowledge, changedDownload: async () => "2" };
let whole: StoreFixture;
beforeAll(async () => {
  whole = await storeFixture(openStore);
  await fillAnew(whole);
});
afterAll(() => whole[Symbol.asyncDispose]());

interface Rig {
  readonly store: Store;
  readonly layout: StoreLayout;
  readonly digest: string;
}

describe("a store that is as it should be", () => {
  test("has nothing found, and is as it was afterwards", async () => {
    await using fixture = await storeFixture(openStore);
    const { layout } = await fill(fixture);
    const before = await treeOf(fixture.root);
    const report = await verified(fixture);
    expect(report).toEqual({
      root: layout.root,
      layers: 2,
      baseImages: 1,
      downloads: 0,
      caches: 2,
      suspendedMachines: 0,
      findings: [],
      inUse: [],
    });
    expect(await treeOf(fixture.root)).toEqual(before);
  });

  test("may be empty, without any directory in it", async () => {
    await using fixture = await storeFixture(openStore);
    await mkdir(fixture.root);
    expect((await verified(fixture)).findings).toEqual([]);
  });

  test("has what living processes own in it, and says whose it is", async () => {
    await using fixture = await storeFixture(openStore);
    const { store } = await fill(fixture);
    await using stage = await openStageOn(store, fixture.base, idOf("c"));
    await using lease = expectOk(await store.cache("disk"));
    const { findings, inUse } = await verified(fixture);
    expect(findings).toEqual([]);
    expect(inUse).toHaveLength(2);
    expect(inUse).toContainEqual({ path: stage.dir, pid: process.pid });
    expect(lease.name).toBe("disk");
  });
});

/** What is done to a store, and what must then be found in it. */
const damages: readonly (readonly [
  string,
  (rig: Rig) => Promise<unknown>,
  (rig: Rig) => readonly unknown[],
])[] = [
  [
    "a layer's log is gone",
    ({ layout }) => rm(layout.layer(b).logPath),
    ({ layout }) => [{ reason: "file-missing", path: layout.layer(b).logPath }],
  ],
  [
    "a layer's disk is gone",
    ({ layout }) => rm(layout.layer(b).diskPath),
    ({ layout }) => [{ reason: "file-missing", path: layout.layer(b).diskPath }],
  ],
  [
    "a layer's record is torn",
    ({ layout }) => overwrite(layout.layer(b).metadataPath, "}", 0),
    ({ layout }) => [{ reason: "record-invalid", path: layout.layer(b).metadataPath }],
  ],
  [
    "something else lies among the layers",
    ({ layout }) => mkdir(join(layout.resultDir, "notes")),
    ({ layout }) => [{ reason: "entry-unknown", path: join(layout.resultDir, "notes") }],
  ],
  [
    "others may look into a layer",
    ({ layout }) => chmod(layout.layer(a).dir, 0o755),
    ({ layout }) => [
      { reason: "mode-wrong", path: layout.layer(a).dir, mode: 0o755, expected: 0o700 },
    ],
  ],
  [
    "a layer's disk can be written to",
    ({ layout }) => chmod(layout.layer(a).diskPath, 0o644),
    ({ layout }) => [
      { reason: "mode-wrong", path: layout.layer(a).diskPath, mode: 0o644, expected: 0o444 },
    ],
  ],
  [
    "others may look into the store's state",
    ({ layout }) => chmod(layout.stateDir, 0o711),
    ({ layout }) => [{ reason: "mode-wrong", path: layout.stateDir, mode: 0o711, expected: 0o700 }],
  ],
  [
    "a disk's table is overwritten",
    ({ layout }) => overwrite(layout.layer(b).diskPath, "\u007f".repeat(64), 3 * 65_536),
    ({ layout }) => [
      { reason: "disk-damaged", path: layout.layer(b).diskPath, message: expect.any(String) },
    ],
  ],
  [
    "a disk is no disk",
    ({ layout }) => overwrite(layout.layer(b).diskPath, "nothing", 0),
    ({ layout }) => [
      {
        reason: "disk-damaged",
        path: layout.layer(b).diskPath,
        message: expect.stringContaining("not in qcow2 format"),
      },
    ],
  ],
  [
    "a disk is backed by an absolute path",
    ({ layout }) => rebase(layout.layer(b).diskPath, layout.layer(a).diskPath, "qcow2"),
    ({ layout }) => [
      {
        reason: "backing-wrong",
        path: layout.layer(b).diskPath,
        backingPath: layout.layer(a).diskPath,
        expected: `../../../result/${a}/rootfs/image.qcow2`,
      },
    ],
  ],
  [
    "a disk is backed by another than its parent's",
    ({ layout, digest }) =>
      rebase(layout.layer(b).diskPath, `../../../base-image/sha256/${digest}`, "raw"),
    ({ layout, digest }) => [
      {
        reason: "backing-wrong",
        path: layout.layer(b).diskPath,
        backingPath: `../../../base-image/sha256/${digest}`,
        expected: `../../../result/${a}/rootfs/image.qcow2`,
      },
    ],
  ],
  [
    "a layer's parent is gone",
    ({ layout }) => rm(layout.layer(a).dir, { recursive: true }),
    ({ layout }) => [
      { reason: "parent-missing", path: layout.layer(b).dir, parent: a },
      { reason: "tag-dangling", name: "latest", id: a },
    ],
  ],
  [
    "the base image is gone",
    ({ layout, digest }) => rm(layout.baseImageByDigest(digest)),
    ({ layout, digest }) => [
      { reason: "base-file-missing", path: layout.baseImageByDigest(digest), layer: a },
    ],
  ],
  [
    "a byte of the base image is another",
    ({ layout, digest }) => overwrite(layout.baseImageByDigest(digest), "?", 4711, 0o400),
    ({ layout, digest }) => [
      {
        reason: "content-changed",
        path: layout.baseImageByDigest(digest),
        digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    ],
  ],
  [
    "a disk in a cache's chain is damaged",
    ({ layout }) => overwrite(newestDisk(layout, 1), "nothing", 0, 0o600),
    ({ layout }) => [
      {
        reason: "disk-damaged",
        path: newestDisk(layout, 1),
        message: expect.stringContaining("not in qcow2 format"),
      },
    ],
  ],
  [
    "a cache's newest version holds nothing",
    ({ layout }) => rm(layout.cacheVersion("c-tar", 1).tarPath),
    ({ layout }) => [
      {
        reason: "cache-damaged",
        path: layout.cacheVersion("c-tar", 1).dir,
        message: "its newest version holds no content",
      },
    ],
  ],
  [
    "something else lies among a cache's versions",
    ({ layout }) => writeFile(join(layout.cache("c-tar"), "notes"), ""),
    ({ layout }) => [{ reason: "entry-unknown", path: join(layout.cache("c-tar"), "notes") }],
  ],
  [
    "a tag points at nothing",
    ({ layout }) => writeFile(layout.tag("release"), `${idOf("gone")}\n`),
    () => [{ reason: "tag-dangling", name: "release", id: idOf("gone") }],
  ],
  [
    "a tag is torn",
    ({ layout }) => writeFile(layout.tag("release"), a.slice(0, 20)),
    ({ layout }) => [{ reason: "tag-damaged", path: layout.tag("release") }],
  ],
];

describe("found is", () => {
  test.each(damages)("that %s, and nothing else", async (_, damage, expected) => {
    await using fixture = await storeFixture(openStore);
    const rig = await fill(fixture);
    await damage(rig);
    expect((await verified(fixture)).findings).toEqual(expected(rig));
  });

  test("what processes left that have ended", async () => {
    await using fixture = await storeFixture(openStore);
    const { store, layout } = await fill(fixture);
    const dead = await deadOwner();
    const { dir } = await openStageOn(store, fixture.base, idOf("c"));
    const left = [
      layout.stage(idOf("c"), dead).dir,
      layout.deletedLayer(idOf("d"), dead).dir,
      layout.cacheStage(dead).dir,
      `${layout.stateStage(dead)}.raw`,
    ];
    await rename(dir, left[0] ?? "");
    for (const path of left.slice(1)) await mkdir(path);
    const { findings, inUse } = await verified(fixture);
    const pid = Number(dead.split("-")[0]);
    expect(findings).toHaveLength(left.length);
    for (const path of left) expect(findings).toContainEqual({ reason: "left-over", path, pid });
    expect(inUse).toEqual([]);
    expect(await readdir(layout.stageDir)).toHaveLength(2);
  });

  test("a temporary entry that nobody's name is on", async () => {
    await using fixture = await storeFixture(openStore);
    const { layout } = await fill(fixture);
    const path = join(layout.stageDir, "mine");
    await mkdir(path);
    expect((await verified(fixture)).findings).toEqual([{ reason: "entry-unknown", path }]);
  });

  test("a file that a machine boots with and that is gone", async () => {
    await using fixture = await storeFixture(openStore);
    const { layout } = await fill(fixture);
    const report = expectOk(
      await verifyStore(fixture.root, {
        ...knowledge,
        bootFiles: () => ["base-image/sha256/kernel"],
      }),
    );
    const path = join(layout.digestDir, "kernel");
    expect(report.findings).toEqual([{ reason: "base-file-missing", path, layer: a }]);
  });

  test("a download that was changed", async () => {
    await using fixture = await storeFixture(openStore);
    const { layout } = await fill(fixture);
    const path = layout.download("sha256-1");
    for (const file of [path, layout.downloadPart("sha256-2")])
      await writeFile(file, "x", { mode: 0o400 });
    const report = expectOk(await verifyStore(fixture.root, changedKnowledge));
    expect(report.findings).toEqual([{ reason: "download-changed", path, digest: "2" }]);
  });

  test("a suspended machine that cannot be used, as a warning", async () => {
    await using fixture = await storeFixture(openStore);
    const { layout } = await fill(fixture);
    for (const id of [a, b]) await mkdir(layout.layer(id).suspendedDir);
    const report = expectOk(
      await verifyStore(fixture.root, {
        ...knowledge,
        suspendedProblem: async (dir) => (dir.includes(a) ? "it is damaged" : undefined),
      }),
    );
    const path = layout.layer(a).suspendedDir;
    const expected = { reason: "suspended-unusable", path, message: "it is damaged" } as const;
    expect(report.findings).toEqual([expected]);
    expect(report.findings.map(isWarning)).toEqual([true]);
    expect(report.suspendedMachines).toBe(2);
  });

  test("a QEMU of the store's that belongs to nobody, and none that belongs to somebody", async () => {
    await using fixture = await storeFixture(openStore);
    const { store, layout } = await fill(fixture);
    // The name a process has on its command line is that of the link it was started by.
    const program = join(dirname(fixture.root), "qemu-system-x86_64");
    await symlink("/usr/bin/tail", program);
    const disk = layout.layer(a).diskPath;
    // `sh` ends at once, and what it started has the init process as its parent.
    const script = `"$0" -f "$1" >/dev/null 2>&1 & echo $!`;
    const { stdout } = await run("sh", ["-c", script, program, disk]);
    const orphan = Number(stdout);
    const child = spawn(program, ["-f", disk], { stdio: "ignore" });
    try {
      await once(child, "spawn");
      await expect.poll(async () => (await pidsOf(fixture)).includes(orphan)).toBe(true);
      {
        await using _ = await openStageOn(store, fixture.base, idOf("c"));
        expect(await pidsOf(fixture)).toEqual([orphan]);
      }
      expect(new Set(await pidsOf(fixture))).toEqual(new Set([orphan, child.pid]));
    } finally {
      process.kill(orphan, "SIGKILL");
      child.kill("SIGKILL");
    }
  });
});

test("without reading base images and downloads, everything else is found", async () => {
  await using fixture = await storeFixture(openStore);
  const { layout, digest } = await fill(fixture);
  await overwrite(layout.baseImageByDigest(digest), "?", 4711, 0o400);
  await chmod(layout.layer(a).dir, 0o755);
  await writeFile(layout.download("sha256-1"), "x", { mode: 0o400 });
  const quickly = { ...changedKnowledge, quick: true };
  const report = expectOk(await verifyStore(fixture.root, quickly));
  expect(report.findings).toMatchObject([{ reason: "mode-wrong" }]);
});

test("a store that is not there cannot be verified", async () => {
  await using fixture = await storeFixture(openStore);
  expect(await verifyStore(join(fixture.root, "nowhere"), knowledge)).toMatchObject({
    error: { reason: "store-unusable" },
  });
});

/** Gives the fixture a copy of the whole store, and opens it. */
async function fill(fixture: StoreFixture): Promise<Rig> {
  await run("cp", ["-a", whole.root, fixture.root]);
  const store = expectOk(await openStore(fixture.root));
  return { store, layout: storeLayout(fixture.root), digest: digestOf(fixture) };
}

/** Makes two layers, a cache of each form, and a tag. */
async function fillAnew(fixture: StoreFixture): Promise<void> {
  const store = await fixture.open();
  const layout = storeLayout(fixture.root);
  const digest = digestOf(fixture);
  await chmod(layout.baseImageByDigest(digest), 0o400);
  for (const [id, parent] of [[a], [b, a]] as const) {
    const base = parent === undefined ? fixture.base : ({ kind: "layer", id: parent } as const);
    await using stage = await openStageOn(store, base, id);
    await run("qemu-io", ["-f", "qcow2", "-c", "write -P 0x41 0 64k", stage.diskPath]);
    const metadata = { ...metadataOf(id, parent), base: { name: "tiny", digest } };
    expectOk(await stage.promote(metadata));
  }
  await publish(store, "tar", "tar", "one");
  await publish(store, "disk", "disk", "one");
  expectOk(await store.tag("latest", a));
}

function digestOf({ base }: StoreFixture): string {
  return base.kind === "image" ? base.digest : "";
}

async function verified({ root }: StoreFixture): Promise<StoreReport> {
  return expectOk(await verifyStore(root, knowledge));
}

async function pidsOf(fixture: StoreFixture): Promise<readonly number[]> {
  const { findings } = await verified(fixture);
  return findings.flatMap((finding) =>
    finding.reason === "machine-orphaned" ? [finding.pid] : [],
  );
}

function newestDisk(layout: StoreLayout, index: number): string {
  return layout.cacheVersion("c-disk", 1).disk(index);
}
