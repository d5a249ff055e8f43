import { describe, expect, test } from "vitest";
import { VmRig } from "../support/vm-rig.ts";

const ops = `(run (shell "echo first")) (run (shell "echo up; sleep 10; echo done"))`;

describe("two builds of one spec at once", () => {
  test("run each step once, and both end with the same layer", async () => {
    await using rig = await VmRig.create();
    const first = await rig.start(ops);
    await first.saw("| up");
    const second = await rig.start(ops);
    await second.saw("attached to process");
    // The second shows the output while the step still runs, which only the log in the making can give.
    await second.saw("| up");
    expect(await rig.entries("result")).toHaveLength(2);
    const ends = [await first.ended(), await second.ended()];
    expect(ends.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    const [one, two] = ends.map(({ output }) => output.trimEnd().split("\n").at(-1));
    expect(two).toBe(one);
    expect(ends[1]?.output).toMatch(/\| done\n.*---> saved \w+ by process \d+/);
    expect(ends[1]?.output).not.toContain("booting");
    expect(await rig.entries("result-tmp")).toEqual([]);
  });

  test.each([
    ["kill -9", "SIGKILL"],
    ["Ctrl-C", "SIGINT"],
  ] as const)(
    "%s of the one that builds: the other builds the step and finishes",
    async (_, signal) => {
      await using rig = await VmRig.create();
      const first = await rig.start(ops);
      await first.saw("| up");
      const second = await rig.start(ops);
      await second.saw("attached to process");
      await second.saw("| up");
      await first.end(signal);
      const { exitCode, output } = await second.ended();
      expect(exitCode, output).toBe(0);
      expect(output).toContain("gave the step up; starting it over");
      const id = output.trimEnd().split("\n").at(-1) ?? "";
      expect(await rig.log(id)).toBe("up\ndone");
      expect(await rig.entries("result")).toHaveLength(3);
      expect(await rig.entries("result-tmp")).toEqual([]);
      expect(await rig.machines()).toEqual([]);
    },
  );

  test("Ctrl-C of the one that follows harms nothing", async () => {
    await using rig = await VmRig.create();
    const first = await rig.start(ops);
    await first.saw("| up");
    const second = await rig.start(ops);
    await second.saw("attached to process");
    expect((await second.end("SIGINT")).exitCode).toBe(130);
    expect((await first.ended()).exitCode).toBe(0);
  });

  test("that fail, fail with one run of the command and one log", async () => {
    await using rig = await VmRig.create();
    const failing = `(run (shell "echo up; sleep 10; echo no such thing; exit 3"))`;
    const first = await rig.start(failing);
    await first.saw("| up");
    const second = await rig.start(failing);
    const ends = [await first.ended(), await second.ended()];
    for (const { exitCode, output } of ends) {
      expect(exitCode).toBe(1);
      expect(output).toContain("| no such thing");
      expect(output).toMatch(/its output: vmbuild log \w+/);
    }
    expect(ends[1]?.output).toContain("attached to process");
    expect(ends[1]?.output).not.toContain("resuming");
    expect(await rig.entries("result-tmp")).toEqual([]);
  });

  test("that part after a step go on from it at the same time", async () => {
    await using rig = await VmRig.create();
    const first = await rig.start(ops);
    await first.saw("| up");
    await rig.put(
      "other.spec",
      `((from busybox) (run (shell "echo first")) (run (shell "echo other")))`,
    );
    const other = await rig.run(["build", "-f", "other.spec"]);
    expect(other.exitCode, other.stderr).toBe(0);
    expect(other.stderr).toContain("| other");
    const { exitCode, output } = await first.ended();
    expect(exitCode, output).toBe(0);
  });

  test("from the first step on offer one suspended machine", async () => {
    await using rig = await VmRig.create({ fresh: true });
    const build = await rig.start(`(run (shell "echo a"))`);
    await rig.put("other.spec", `((from busybox) (run (shell "echo b")))`);
    const other = rig.run(["build", "-f", "other.spec"]);
    const [one, two] = await Promise.all([build.ended(), other]);
    expect(one.exitCode, one.output).toBe(0);
    expect(two.exitCode, two.stderr).toBe(0);
    expect(await rig.entries("result")).toHaveLength(3);
    expect(await rig.entries("result-tmp")).toEqual([]);
    expect(await rig.machines()).toEqual([]);
  });
});
