import type { BuildEnvironment } from "../build/environment.ts";
import type { StoreLayout } from "../store/layout.ts";
import type { StatusLine } from "./render/status-line.ts";

/** What a task is run with. */
export interface TaskContext {
  readonly env: BuildEnvironment;
  readonly layout: StoreLayout;
  readonly status: StatusLine;
  /** Aborted when the user wants it over, or its time is. */
  readonly signal: AbortSignal;
}

/** Writes what a task prints to standard output; resolves when it is taken. */
export function taskOutput(status: StatusLine): (chunk: Uint8Array) => Promise<void> {
  return (chunk) => {
    // It is printed from here on; a line below it would be torn to pieces.
    status.close();
    return new Promise((resolve) => {
      process.stdout.write(chunk, () => resolve());
    });
  };
}
