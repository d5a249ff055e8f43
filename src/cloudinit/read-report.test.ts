import { execFile } from "node:child_process";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readReport, type ReadReportOptions } from "./read-report.ts";
import { reporterScript } from "./reporter.ts";

let dir: string;
let socketPath: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "vmbuild-report-"));
  socketPath = join(dir, "port");
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const never = new Promise<never>(() => {});
const options = (given: Partial<ReadReportOptions> = {}): ReadReportOptions => ({
  signal: new AbortController().signal,
  ended: never,
  silentMs: 600_000,
  ...given,
});

/** A machine whose guest does `act` with its port. */
async function machine(act: (port: Socket) => void): Promise<AsyncDisposable> {
  const server = createServer((port) => {
    port.on("error", () => {});
    act(port);
  }).listen(socketPath);
  await once(server, "listening");
  return {
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}

const base64 = (text: string) => Buffer.from(text).toString("base64");
const started = '{"event":"started"}\n';
function ended(
  status: string,
  more: { warnings?: string; output?: string; task?: number } = {},
): string {
  const { warnings = "", output = "", ...rest } = more;
  const event = {
    event: "ended",
    status: base64(status),
    warnings: base64(warnings),
    output: base64(output),
    ...rest,
  };
  return `${JSON.stringify(event)}\n`;
}

test("done, with what a task has exited with", async () => {
  let heard = 0;
  await using _ = await machine((port) => {
    // In pieces, as bytes come.
    const text = started + ended('{"status": "done"}', { task: 7 });
    for (const piece of text.match(/[^]{1,9}/g) ?? []) port.write(piece);
  });
  const report = await readReport(socketPath, options({ onStarted: () => void (heard += 1) }));
  expect(report).toEqual({ ok: true, value: { warnings: [], isDegraded: false, taskStatus: 7 } });
  expect(heard).toBe(1);
});

test("degraded, with the warnings of an old version's log", async () => {
  const warnings = "util.py[WARNING]: one\nutil.py[WARNING]: zwei ü\n";
  await using _ = await machine((port) => {
    port.write(`${started}${ended('{"status": "done"}', { warnings })}`);
  });
  expect(await readReport(socketPath, options())).toEqual({
    ok: true,
    value: { warnings: warnings.trim().split("\n"), isDegraded: true },
  });
});

test("error, with what was printed", async () => {
  const status = '{"status": "error", "errors": ["no such package"]}';
  await using _ = await machine((port) => {
    port.write(`${started}${ended(status, { output: "E: not found\n", task: 1 })}`);
  });
  expect(await readReport(socketPath, options())).toEqual({
    ok: false,
    error: {
      reason: "cloud-init-failed",
      errors: ["no such package"],
      log: "E: not found\n",
      taskStatus: 1,
    },
  });
});

test("silence is bounded, and what is heard ends it", async () => {
  await using _ = await machine(() => {});
  expect(await readReport(socketPath, options({ silentMs: 30 }))).toEqual({
    ok: false,
    error: { reason: "cloud-init-silent", waitedMs: 30 },
  });
});

test("a port that never comes is silent, too", async () => {
  expect(await readReport(socketPath, options({ silentMs: 30 }))).toMatchObject({
    error: { reason: "cloud-init-silent" },
  });
});

test.each([
  ["", false],
  ["\n{}\nnull\n7\n{\n", false],
  [started, true],
  [started + ended('{"status": "done"}').slice(0, -1), true],
  [started + ended('{"status": "running"}'), true],
])("a machine that ends after %j has cut cloud-init off", async (text, isStarted) => {
  await using _ = await machine((port) => port.end(text));
  expect(await readReport(socketPath, options())).toEqual({
    ok: false,
    error: { reason: "cloud-init-cut-off", isStarted },
  });
});

test("a machine that has ended makes no port", async () => {
  expect(await readReport(socketPath, options({ ended: Promise.resolve() }))).toEqual({
    ok: false,
    error: { reason: "cloud-init-cut-off", isStarted: false },
  });
});

test("cancelled while cloud-init works", async () => {
  const user = new AbortController();
  await using _ = await machine((port) => port.write(started));
  const report = readReport(
    socketPath,
    options({ signal: user.signal, onStarted: () => user.abort() }),
  );
  expect(await report).toEqual({ ok: false, error: { reason: "cancelled" } });
});

test("a guest that never ends a line is not listened to for ever", async () => {
  await using _ = await machine((port) => {
    const piece = Buffer.alloc(65_536, "x");
    const more = (): void => {
      while (port.writable && port.write(piece));
    };
    port.on("drain", more);
    more();
  });
  expect(await readReport(socketPath, options())).toMatchObject({
    error: { reason: "cloud-init-cut-off" },
  });
});

test.each([
  ["that is done", { "result.json": "{}", "status.json": '{"v1": {"init": {"errors": []}}}' }],
  ["of before 22.2 whose final stage has broken down", {}],
])("the guest's script says what is understood of a cloud-init %s", async (_title, files) => {
  // As in a guest, with a file for the port.
  const port = join(dir, "vport");
  const sys = join(dir, "sys");
  const bin = join(dir, "bin");
  const log = join(dir, "log");
  const cloudInit = join(dir, "run");
  await promisify(execFile)("mkdir", ["-p", join(sys, "vport1p1"), bin, cloudInit]);
  for (const [name, text] of Object.entries(files)) await writeFile(join(cloudInit, name), text);
  await writeFile(join(sys, "vport1p1/name"), "vmbuild.report\n");
  await writeFile(
    join(bin, "cloud-init"),
    '#!/bin/sh\n[ "$#" = 2 ] || exit 2\nprintf "status: done\\n"\n',
  );
  await writeFile(join(bin, "systemctl"), "#!/bin/sh\nexit 0\n");
  await writeFile(join(bin, "sleep"), "#!/bin/sh\nexit 0\n");
  for (const program of ["cloud-init", "systemctl", "sleep"])
    await chmod(join(bin, program), 0o755);
  await writeFile(
    join(log),
    "1 - main.py[DEBUG]: Cloud-init v. 1 running 'init-local' at\n1 - a.py[WARNING]: of the boot before\n" +
      "2 - main.py[DEBUG]: Cloud-init v. 1 running 'init-local' at\n2 - b.py[WARNING]: \"bad\" \\n é\n2 - b.py[INFO]: x\n",
  );
  await writeFile(join(dir, "status"), "7\n");
  await writeFile(port, "");
  const script = reporterScript
    .replace("/sys/class/virtio-ports", sys)
    .replace("port=/dev/${known##*/}", `port=${port}`)
    .replace('[ -c "$port" ]', '[ -e "$port" ]')
    .replaceAll(/\/var\/log\/cloud-init(-output)?\.log/g, log)
    .replaceAll("/run/cloud-init", cloudInit)
    .replace("/run/vmbuild-task-status", join(dir, "status"));
  await writeFile(join(dir, "reporter"), script);
  await promisify(execFile)("/bin/sh", [join(dir, "reporter"), "watch"], {
    env: { PATH: `${bin}:${process.env["PATH"]}` },
  });
  const said = await readFile(port);
  await using _ = await machine((socket) => socket.end(said));
  expect(await readReport(socketPath, options())).toEqual({
    ok: true,
    value: { warnings: ['2 - b.py[WARNING]: "bad" \\n é'], isDegraded: true, taskStatus: 7 },
  });
});
