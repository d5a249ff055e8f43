import { describe, expect, test } from "vitest";
import type {
  BaseInput,
  CopyInput,
  CopyItem,
  CopyStep,
  FromStep,
  ImageInput,
  RunStep,
  StepContext,
  StepId,
} from "./step.ts";
import { copyStepId, fromStepId, runStepId, stepId } from "./step-id.ts";

type WithoutId<T> = Omit<T, "id">;

const range = { start: 0, end: 0 };
const place = { build: [], heading: "", range };
const parent = "1".repeat(64) as StepId;
const context: StepContext = {
  workdir: "/src",
  env: [
    ["A", "1"],
    ["B", "2"],
  ],
  user: { kind: "unix", uid: 1000, gid: 100 },
  shell: ["/bin/bash", "-c"],
};

const image: ImageInput = {
  kind: "image",
  name: "debian",
  digest: "2".repeat(64),
  guest: { os: "linux", arch: "x86_64" },
  initial: context,
};
const from: WithoutId<FromStep> = { ...place, op: "from", base: image };

const secret = { id: "token", target: "/run/token", buildkitOptions: [], range };
const run: WithoutId<RunStep> = {
  ...place,
  op: "run",
  parent,
  context,
  command: "make",
  network: false,
  secrets: [secret, { ...secret, id: "other" }],
  caches: [],
  freshBoot: false,
};

const item: CopyItem = {
  manifest: { source: "a", entries: [], digest: "3".repeat(64) },
  destination: "/src/a",
};
const copy: WithoutId<CopyStep> = {
  ...place,
  op: "copy",
  parent,
  user: context.user,
  source: { kind: "context" },
  items: [item, { ...item, destination: "/src/b" }],
  freshBoot: false,
};
const buildSource: Extract<CopyInput, { kind: "build" }> = {
  kind: "build",
  name: "dev",
  id: "4".repeat(64) as StepId,
  paths: [{ path: "/out/hello", destination: "/usr/bin/hello" }],
  exclude: [".git", "tmp"],
};
const copyFromBuild: WithoutId<CopyStep> = { ...copy, source: buildSource, items: [] };

// A change here makes every layer in every store useless: raise RECORD_VERSION and say so in the
// changelog.
describe("ids are what they were", () => {
  test("from", () => {
    expect(fromStepId(from)).toBe(
      "72df2e4c543c9aac44c3e0d55f0e63c1ab8beaa2e7a822c97aab4c52c0221676",
    );
  });
  test("run", () => {
    expect(runStepId(run)).toBe("344b10b3ddc651799240b81cdbaa3ca1fdff708b62b330d352e39fd384584b15");
  });
  test("copy", () => {
    expect(copyStepId(copy)).toBe(
      "90b0c93dfdd2ce9a192384bf9b63ea2117ce50072dfa5469d06ee23c73119fac",
    );
  });
  test("copy from a build", () => {
    expect(copyStepId(copyFromBuild)).toBe(
      "77913ebf6a9b6f9e583564d42fce6ac057cbdc72643203327817b5f7188cf81c",
    );
  });
});

test("the id of a tagged layer is the layer's own", () => {
  const base: BaseInput = { kind: "layer", name: "tag", id: parent, initial: context };
  expect(fromStepId({ ...from, base })).toBe(parent);
});

function runIn(changes: Partial<StepContext>): WithoutId<RunStep> {
  return { ...run, context: { ...context, ...changes } };
}

function fromImage(changes: Partial<ImageInput>): WithoutId<FromStep> {
  return { ...from, base: { ...image, ...changes } };
}

describe("everything that decides a result changes the id", () => {
  test.each<[string, WithoutId<FromStep>]>([
    ["the image's content", fromImage({ digest: "5".repeat(64) })],
    ["what the guest sees", fromImage({ guest: { os: "linux", arch: "aarch64" } })],
    ["one more thing the guest sees", fromImage({ guest: { ...image.guest, machine: "pc" } })],
    ["the disk's size", { ...from, diskSizeBytes: 1024 ** 3 }],
  ])("from: %s", (_, changed) => {
    expect(fromStepId(changed)).not.toBe(fromStepId(from));
  });

  test.each<[string, WithoutId<RunStep>]>([
    ["parent", { ...run, parent: "5".repeat(64) as StepId }],
    ["command", { ...run, command: "make " }],
    ["shell", runIn({ shell: ["/bin/sh", "-c"] })],
    ["where the shell's words end", runIn({ shell: ["/bin/bash -c"] })],
    ["workdir", runIn({ workdir: "/" })],
    ["uid", runIn({ user: { kind: "unix", uid: 1001, gid: 100 } })],
    ["gid", runIn({ user: { kind: "unix", uid: 1000, gid: 101 } })],
    ["a user by name", runIn({ user: { kind: "name", name: "1000" } })],
    ["the login user", runIn({ user: { kind: "login" } })],
    ["a variable more", runIn({ env: [...context.env, ["C", ""]] })],
    ["a variable less", runIn({ env: context.env.slice(1) })],
    ["a variable's value", runIn({ env: [["A", "2"], ...context.env.slice(1)] })],
    ["a variable's name", runIn({ env: [["AA", "1"], ...context.env.slice(1)] })],
    ["network", { ...run, network: true }],
    ["a secret's id", { ...run, secrets: [{ ...secret, id: "key" }] }],
    ["a secret's target", { ...run, secrets: [{ ...secret, target: "/key" }] }],
    ["a secret less", { ...run, secrets: [] }],
  ])("run: %s", (_, changed) => {
    expect(runStepId(changed)).not.toBe(runStepId(run));
  });

  const other: CopyItem = { ...item, manifest: { ...item.manifest, digest: "5".repeat(64) } };
  test.each<[string, WithoutId<CopyStep>]>([
    ["parent", { ...copy, parent: "5".repeat(64) as StepId }],
    ["user", { ...copy, user: { kind: "login" } }],
    ["content", { ...copy, items: [other, ...copy.items.slice(1)] }],
    ["destination", { ...copy, items: [{ ...item, destination: "/" }, ...copy.items.slice(1)] }],
    ["order, as the later one wins", { ...copy, items: copy.items.toReversed() }],
    ["one source less", { ...copy, items: [item] }],
    ["from a build", copyFromBuild],
  ])("copy: %s", (_, changed) => {
    expect(copyStepId(changed)).not.toBe(copyStepId(copy));
  });

  const path = { path: "/out/hello", destination: "/usr/bin/hello" };
  test.each<[string, Partial<typeof buildSource>]>([
    ["the build's result", { id: "5".repeat(64) as StepId }],
    ["path", { paths: [{ ...path, path: "/out/hallo" }] }],
    ["destination", { paths: [{ ...path, destination: "/usr/bin/hallo" }] }],
    ["one path more", { paths: [path, path] }],
    ["excluded names", { exclude: [".git"] }],
  ])("copy from a build: %s", (_, changes) => {
    const changed = { ...copyFromBuild, source: { ...buildSource, ...changes } };
    expect(copyStepId(changed)).not.toBe(copyStepId(copyFromBuild));
  });
});

describe("nothing else changes the id", () => {
  const elsewhere = { build: ["dev"], heading: "other", range: { start: 5, end: 9 } };
  test.each<[string, WithoutId<FromStep>]>([
    ["the image's name", fromImage({ name: "debian-12" })],
    ["what its steps start with", fromImage({ initial: { ...context, workdir: "/" } })],
    ["the profile's wish for a size", fromImage({ diskSizeBytes: 5 })],
    ["the order of the guest's facts", fromImage({ guest: { arch: "x86_64", os: "linux" } })],
    ["where it stands", { ...from, ...elsewhere }],
  ])("from: %s", (_, changed) => {
    expect(fromStepId(changed)).toBe(fromStepId(from));
  });

  const cache = { id: "c", target: "/c", buildkitOptions: [], range };
  test.each<[string, WithoutId<RunStep>]>([
    ["caches", { ...run, caches: [cache] }],
    ["timeout", { ...run, timeoutMs: 1000 }],
    ["reboot", { ...run, freshBoot: true }],
    ["the order of variables", runIn({ env: context.env.toReversed() })],
    ["the order of secrets", { ...run, secrets: run.secrets.toReversed() }],
    [
      "options for Dockerfiles",
      { ...run, secrets: run.secrets.map((it) => ({ ...it, buildkitOptions: [["a", "b"]] })) },
    ],
    ["where it stands", { ...run, ...elsewhere }],
  ])("run: %s", (_, changed) => {
    expect(runStepId(changed)).toBe(runStepId(run));
  });

  test.each<[string, WithoutId<CopyStep>, WithoutId<CopyStep>]>([
    ["reboot", copy, { ...copy, freshBoot: true }],
    ["where it stands", copy, { ...copy, ...elsewhere }],
    [
      "what the source is called",
      copy,
      {
        ...copy,
        items: copy.items.map((it) => ({ ...it, manifest: { ...it.manifest, source: "other" } })),
      },
    ],
    [
      "what the build is called",
      copyFromBuild,
      { ...copyFromBuild, source: { ...buildSource, name: "other" } },
    ],
    [
      "the order of excluded names",
      copyFromBuild,
      { ...copyFromBuild, source: { ...buildSource, exclude: ["tmp", ".git"] } },
    ],
  ])("copy: %s", (_, before, after) => {
    expect(copyStepId(after)).toBe(copyStepId(before));
  });
});

test("no value can pass for structure", () => {
  const commands = ["a", 'a","command":"b', 'a"', "a\\", "a\u0000", "a\nb", "a b"];
  const ids = commands.map((command) => runStepId({ ...run, command }));
  const shells = commands.map((word) => runStepId(runIn({ shell: [word, word] })));
  const variables = commands.map((value) => runStepId(runIn({ env: [["A", value]] })));
  const all = [...ids, ...shells, ...variables];
  expect(new Set(all).size).toBe(all.length);
});

test("an id is 64 lower-case hex digits", () => {
  expect(stepId({ version: 1, op: "from", base: "", guest: {}, diskSizeBytes: null })).toMatch(
    /^[0-9a-f]{64}$/,
  );
});
