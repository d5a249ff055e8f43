import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ExecRequest } from "../machine/session.ts";
import { agentLoop } from "./agent-script.ts";
import { PortSession } from "./port-session.ts";

/** The agent's shell on this host, with sockets in the place of its ports. */
let agent: ChildProcess;
let group: string;
let session: PortSession;

beforeEach(async () => {
  group = await mkdtemp(join(tmpdir(), "vmbuild-group-"));
  agent = spawn("/bin/sh", ["-c", agentLoop], {
    env: { PATH: process.env["PATH"], HOME: "/", group },
    stdio: ["ignore", "ignore", "ignore", "pipe", "pipe", "pipe"],
    detached: true,
  });
  const [, , , control, data, errors] = agent.stdio as unknown as Socket[];
  session = new PortSession(
    { control: control as Socket, data: data as Socket, errors: errors as Socket },
    {
      agentGone: once(agent, "close"),
      explainLoss: async (message) => ({
        reason: "connection-lost",
        cause: "ssh-closed",
        message,
        serialTail: "",
      }),
    },
  );
});

afterEach(async () => {
  try {
    process.kill(-(agent.pid as number), "SIGKILL");
  } catch {
    // A test may have ended it.
  }
  session.close();
  await rm(group, { recursive: true, force: true });
});

async function run(command: string, more: Partial<ExecRequest> = {}) {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  const ended = await session.exec({
    command,
    signal: new AbortController().signal,
    onStdout: (chunk) => void out.push(Buffer.from(chunk)),
    onStderr: (chunk) => void err.push(Buffer.from(chunk)),
    ...more,
  });
  return { ended, stdout: Buffer.concat(out), stderr: Buffer.concat(err).toString() };
}

test("gives both outputs and the exit code", async () => {
  const { ended, stdout, stderr } = await run("echo out; echo err >&2; exit 7");
  expect(ended).toEqual({ ok: true, value: { kind: "exited", code: 7 } });
  expect(stdout.toString()).toBe("out\n");
  expect(stderr).toBe("err\n");
});

test("takes commands with quotes, newlines, dollars and backslashes as they are", async () => {
  const { stdout } = await run(`echo 'it'"'"'s'\nx='a\\b $HOME'\nprintf '%s\\n' "$x"`);
  expect(stdout.toString()).toBe("it's\na\\b $HOME\n");
});

test("a command has neither the agent's ports nor its variables", async () => {
  const { stdout } = await run("ls /proc/self/fd; env");
  expect(stdout.toString()).not.toMatch(/^[456]$/m);
  expect(stdout.toString()).not.toContain("group=");
});

describe("standard input", () => {
  test.each([
    ["none", undefined, ""],
    ["empty", "", ""],
    ["text", "some text\n", "some text\n"],
  ])("%s", async (_, stdin, expected) => {
    const { stdout } = await run("cat", stdin === undefined ? {} : { stdin });
    expect(stdout.toString()).toBe(expected);
  });

  test("a long stream of odd pieces arrives whole, whatever its bytes", async () => {
    const content = randomBytes(20_000_001);
    const pieces = function* () {
      for (let at = 0; at < content.length; at += 77_777) yield content.subarray(at, at + 77_777);
    };
    const warnings: Error[] = [];
    const warn = (warning: Error): void => void warnings.push(warning);
    process.on("warning", warn);
    const { stdout } = await run("cat", { stdin: Readable.from(pieces()) });
    process.off("warning", warn);
    expect(stdout.equals(content)).toBe(true);
    expect(warnings).toEqual([]);
  });

  test("that is not read to its end disturbs nobody", async () => {
    const { ended } = await run("head -c 10 >/dev/null", { stdin: Buffer.alloc(6_000_000) });
    expect(ended).toEqual({ ok: true, value: { kind: "exited", code: 0 } });
    const next = await run("cat", { stdin: "next" });
    expect(next.stdout.toString()).toBe("next");
  });
});

test("a slow reader gets everything", async () => {
  let bytes = 0;
  await run("head -c 3000000 /dev/zero", {
    onStdout: async (chunk) => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      bytes += chunk.length;
    },
  });
  expect(bytes).toBe(3_000_000);
});

test("commands that are given at once run one after the other", async () => {
  const answers = await Promise.all([1, 2, 3].map((n) => run(`echo ${n}; sleep 0.1; echo ${n}`)));
  expect(answers.map(({ stdout }) => stdout.toString())).toEqual(["1\n1\n", "2\n2\n", "3\n3\n"]);
});

test("a command is stopped by its group", async () => {
  const cancel = new AbortController();
  const running = run("echo up; sleep 30", {
    signal: cancel.signal,
    onStdout: () => cancel.abort(),
  });
  expect((await running).ended).toEqual({ ok: false, error: { reason: "cancelled" } });
  await expect.poll(() => readdir(group)).toContain("cgroup.kill");
  expect(await readdir(group)).toContain("cgroup.procs");
});

test("a sweep kills a group in which something lives, and no other", async () => {
  const events = join(group, "cgroup.events");
  await writeFile(events, "populated 0\nfrozen 0\n");
  expect(await session.sweep()).toBe(true);
  expect(await readdir(group)).toEqual(["cgroup.events"]);

  await writeFile(events, "populated 1\nfrozen 0\n");
  const sweeping = session.sweep();
  await expect.poll(() => readdir(group)).toContain("cgroup.kill");
  await writeFile(events, "populated 0\nfrozen 0\n");
  expect(await sweeping).toBe(true);
});

test("groups that a command has made below its own are gone after a sweep", async () => {
  await writeFile(join(group, "cgroup.events"), "populated 0\n");
  await mkdir(join(group, "container", "inner"), { recursive: true });
  expect(await session.sweep()).toBe(true);
  expect(await readdir(group)).toEqual(["cgroup.events"]);
});

test("what an output's taker throws ends the command", async () => {
  const thrown = new Error("no room");
  const failing = run("echo text; sleep 30", {
    onStdout: () => {
      throw thrown;
    },
  });
  await expect(failing).rejects.toBe(thrown);
});

test("an agent that is killed is a lost connection", async () => {
  const lost = run("kill -9 0; sleep 30");
  expect((await lost).ended).toMatchObject({ ok: false, error: { reason: "connection-lost" } });
});
