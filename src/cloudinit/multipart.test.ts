import { execFile, spawnSync } from "node:child_process";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { appendingMerge, multipart } from "./multipart.ts";
import { reporterScript, reportingVendorData } from "./reporter.ts";

const hasPython = spawnSync("python3", ["-V"]).status === 0;

interface Found {
  readonly type: string;
  readonly filename: string | null;
  readonly merge: string | null;
  readonly content: string;
}

/** The parts as Python's `email` sees them, which is what cloud-init has. */
async function read(bytes: Uint8Array): Promise<readonly Found[]> {
  const program = `
import email, json, sys
parts = email.message_from_string(sys.stdin.buffer.read().decode("utf-8")).walk()
print(json.dumps([{
  "type": part.get_content_type(), "filename": part.get_filename(), "merge": part.get("Merge-Type"),
  "content": part.get_payload(decode=True).decode("latin-1"),
} for part in parts if part.get_content_maintype() != "multipart"]))`;
  const printed = await new Promise<string>((resolve, reject) => {
    const child = execFile("python3", ["-c", program], (error, stdout) => {
      if (error) reject(error);
      else resolve(stdout);
    });
    child.stdin?.end(bytes);
  });
  return JSON.parse(printed) as readonly Found[];
}

test.runIf(hasPython)("parts come out as they were put in", async () => {
  const script = `#!/bin/sh\necho ${"x".repeat(500)}\n--vmbuild-\n`;
  const packed = gzipSync("#cloud-config\n");
  const parts = [
    { content: Buffer.from(script) },
    { content: packed },
    {
      content: Buffer.from("#cloud-config\nhostname: ü\n"),
      type: "text/cloud-config",
      filename: "own",
      mergeType: appendingMerge,
    },
    { content: new Uint8Array() },
  ];
  const bytes = multipart(parts);
  // cloud-init looks for this in the first 4096 bytes.
  expect(bytes.subarray(0, 200).toString()).toContain("MIME-Version: 1.0\n");
  expect(await read(bytes)).toEqual([
    { type: "text/plain", filename: null, merge: null, content: script },
    { type: "application/gzip", filename: null, merge: null, content: packed.toString("latin1") },
    {
      type: "text/cloud-config",
      filename: "own",
      merge: appendingMerge,
      content: Buffer.from("#cloud-config\nhostname: ü\n").toString("latin1"),
    },
    { type: "text/plain", filename: null, merge: null, content: "" },
  ]);
  expect(multipart(parts)).toEqual(bytes);
});

test.runIf(hasPython)("what has parts already is one of the parts", async () => {
  const inner = multipart([
    { content: Buffer.from("#!/bin/sh\n") },
    { content: Buffer.from("#x") },
  ]);
  const outer = multipart([{ content: inner }, { content: Buffer.from("last") }]);
  expect((await read(outer)).map(({ content }) => content)).toEqual(["#!/bin/sh\n", "#x", "last"]);
});

test.runIf(hasPython)(
  "the reporter goes before a user's vendor-data, and alone without one",
  async () => {
    const alone = await read(reportingVendorData(undefined));
    expect(alone).toEqual([
      {
        type: "text/cloud-boothook",
        filename: "vmbuild-report",
        merge: null,
        content: reporterScript,
      },
    ]);
    expect(await read(reportingVendorData(Buffer.from("\n")))).toEqual(alone);
    const both = await read(reportingVendorData(Buffer.from("#cloud-config\n{}\n")));
    expect(both).toHaveLength(2);
    expect(both[1]?.content).toBe("#cloud-config\n{}\n");
  },
);
