import { spawn } from "node:child_process";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ExecRequest, Session } from "../../src/machine/session.ts";
import { ok } from "../../src/result.ts";

/** Runs what a guest would be told on this host instead, through the same kind of login shell. */
export const localSession: Session = {
  longestCommand: 0,

  exec(request: ExecRequest) {
    return new Promise((resolve) => {
      const child = spawn("/bin/sh", ["-c", request.command], {
        env: { PATH: process.env["PATH"], HOME: "/root", USER: "root", SSH_CONNECTION: "leaks" },
      });
      const input =
        request.stdin === undefined
          ? Readable.from([])
          : request.stdin instanceof Readable
            ? request.stdin
            : Readable.from([Buffer.from(request.stdin)]);
      // A command that does not read its input closes the pipe; that is its business.
      void pipeline(input, child.stdin).catch(() => {});
      child.stdout.on("data", (chunk: Buffer) => void request.onStdout?.(chunk));
      child.stderr.on("data", (chunk: Buffer) => void request.onStderr?.(chunk));
      child.on("close", (code) => resolve(ok({ kind: "exited", code: code ?? 128 })));
    });
  },
};
