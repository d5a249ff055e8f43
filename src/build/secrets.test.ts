import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { BuildRig } from "../../test/support/build-rig.ts";
import { obedientSandbox, ScriptedSandbox } from "../../test/support/scripted-sandbox.ts";
import type { BuildEvent } from "./event.ts";

const spec = `((from tiny)
  (workdir /work)
  (run (secrets (key (target /run/secrets/key)) (near (target near))) (shell "use them")))`;

const key = Buffer.from("hunter22\n");
const secrets = new Map([
  ["key", key],
  ["near", Buffer.from([0, 1, 2, 255])],
]);

function shown(events: readonly BuildEvent[]): string {
  return events
    .map((event) =>
      event.type === "step-output" ? Buffer.from(event.chunk).toString("latin1") : "",
    )
    .join("");
}

function warnings(events: readonly BuildEvent[]): readonly string[] {
  return events.flatMap((event) => (event.type === "note" && event.isWarning ? event.message : []));
}

describe("secrets", () => {
  test("that are missing are all named before anything is built", async () => {
    await using rig = await BuildRig.create();
    const sandbox = obedientSandbox();
    const text = `((build b ((from tiny) (run (secrets (deep (target /d))) (shell x))))
      (from tiny) (run (shell before)) (run (secrets (key (target /a)) (other (target /b))) (shell y))
      (run (secrets (other (target /b))) (shell z)))`;
    const built = await rig.build(text, sandbox, { environment: { secrets } });
    if (built.ok) throw new Error("must be refused");
    expect(built.error.failure).toEqual({ reason: "secrets-missing", ids: ["deep", "other"] });
    expect(built.error.step.heading).toContain("deep");
    expect(sandbox.ran).toEqual([]);
    expect(await rig.store.layers()).toEqual([]);
    expect(rig.events).toEqual([]);
  });

  test("reach the step as they are, at absolute targets", async () => {
    await using rig = await BuildRig.create();
    const sandbox = new ScriptedSandbox();
    const building = rig.build(spec, sandbox, { environment: { secrets } });
    const run = await sandbox.nextRun();
    expect(run.job.task).toMatchObject({
      secrets: [
        { id: "key", target: "/run/secrets/key", value: key },
        { id: "near", target: "/work/near", value: Buffer.from([0, 1, 2, 255]) },
      ],
    });
    run.finish();
    expect((await building).ok).toBe(true);
    expect(warnings(rig.events)).toEqual([]);
  });

  test("are in no id, and a step that was built needs them no more", async () => {
    await using rig = await BuildRig.create();
    const sandbox = obedientSandbox();
    const first = await rig.build(spec, sandbox, { environment: { secrets } });
    const again = await rig.build(spec, sandbox);
    if (!first.ok || !again.ok) throw new Error("must be built");
    expect(again.value.id).toBe(first.value.id);
    expect(sandbox.ran).toHaveLength(1);
  });

  test("are masked in the log, the events and the output of later steps, however it is cut", async () => {
    await using rig = await BuildRig.create();
    const sandbox = new ScriptedSandbox();
    const text = spec.replace(/\)$/, ` (run (shell later)))`);
    const building = rig.build(text, sandbox, { environment: { secrets } });
    const run = await sandbox.nextRun();
    for (const piece of ["key=hun", "ter", "22; hunt", "er2", "\n", "hunter22"])
      await run.print(piece);
    run.finish();
    const later = await sandbox.nextRun();
    await later.print("hunter22 again, and hunter2");
    later.finish();
    const built = await building;
    if (!built.ok) throw new Error("must be built");
    expect(shown(rig.events)).toBe("key=***; hunter2\n****** again, and hunter2");
    const logs = await Promise.all(
      (await rig.store.layers()).map(({ logPath }) => readFile(logPath, "utf8").catch(() => "")),
    );
    expect(logs.join("")).not.toContain("hunter22");
    expect(logs).toContain("key=***; hunter2\n***");
    expect(logs).toContain("*** again, and hunter2");
  });

  test("that nobody asks for, or that are too short to be masked, are told", async () => {
    await using rig = await BuildRig.create();
    const given = new Map([
      ["key", Buffer.from("abc\n")],
      ["near", Buffer.from("long enough")],
      ["spare", Buffer.from("spare")],
    ]);
    await rig.build(spec, obedientSandbox(), { environment: { secrets: given } });
    expect(warnings(rig.events)).toEqual([
      "the secret key is too short to be masked in the output",
      "the secret spare is given, but no step of the spec asks for it",
    ]);
  });

  test("are refused for a guest that could not keep them in RAM, before it boots", async () => {
    await using rig = await BuildRig.create();
    await rig.putBase("win");
    const { writeFile } = await import("node:fs/promises");
    await writeFile(`${rig.store.root}/base-image/win.toml`, 'os = "freebsd"\n');
    const sandbox = obedientSandbox();
    const built = await rig.build(spec.replace("tiny", "win"), sandbox, {
      environment: { secrets },
    });
    if (built.ok) throw new Error("must be refused");
    expect(built.error.failure).toMatchObject({
      reason: "not-supported",
      what: "a step with secrets in a freebsd guest",
    });
    expect(sandbox.ran).toEqual([]);
  });
});
