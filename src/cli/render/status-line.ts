import { stripVTControlCharacters } from "node:util";

/** Text at the bottom of a terminal that says what goes on now, below everything that was printed. */
export interface StatusLine {
  /** Writes whole lines above the status; resolves when the stream can take more. */
  print(text: string): Promise<void>;
  /**
   * What one worker does now; `key` tells workers apart. `since` is when it began, by `performance.now()`; absent is
   * now.
   */
  set(key: number, text: string, since?: number): void;
  clear(key: number): void;
  /** Takes the status away for good. */
  close(): void;
}

/** Prints only: for files, pipes and CI. */
export function plainLines(stream: NodeJS.WritableStream): StatusLine {
  return {
    print: (text) => write(stream, text),
    set() {},
    clear() {},
    close() {},
  };
}

const refreshMs = 100;

/** What is needed of a terminal. */
type Terminal = NodeJS.WritableStream & { readonly columns: number };

/** A line that counts the seconds, on a terminal. */
export function liveStatus(stream: Terminal): StatusLine {
  const jobs = new Map<number, { text: string; since: number }>();
  let drawn = false;

  const erase = (): string => (drawn ? "\r\u001b[K" : "");
  const line = (): string => {
    const texts = [...jobs.values()].map(
      ({ text, since }) => `${text} ${((performance.now() - since) / 1000).toFixed(1)} s`,
    );
    return fitting(texts, stream.columns);
  };
  const draw = (): void => {
    const text = line();
    if (text === "" && !drawn) return;
    stream.write(`${erase()}${text}`);
    drawn = text !== "";
  };
  const timer = setInterval(draw, refreshMs);
  timer.unref();

  return {
    async print(text) {
      await write(stream, `${erase()}${text}`);
      drawn = false;
    },
    set(key, text, since = performance.now()) {
      jobs.set(key, { text, since });
    },
    clear(key) {
      jobs.delete(key);
      draw();
    },
    close() {
      clearInterval(timer);
      jobs.clear();
      draw();
    },
  };
}

/**
 * As many of the texts as go on one line of the terminal, and how many more there are: a line that is wrapped could
 * not be erased.
 */
export function fitting(texts: readonly string[], columns: number): string {
  for (let shown = texts.length; shown > 1; shown--) {
    const more = shown < texts.length ? [`+${texts.length - shown}`] : [];
    const line = [...texts.slice(0, shown), ...more].join("   ");
    if (stripVTControlCharacters(line).length < columns) return line;
  }
  const [first = ""] = texts;
  return stripVTControlCharacters(first).length < columns ? first : "";
}

function write(stream: NodeJS.WritableStream, text: string): Promise<void> {
  if (stream.write(text)) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off("drain", done);
      stream.off("error", done);
      stream.off("close", done);
      resolve();
    };
    stream.once("drain", done);
    stream.once("error", done);
    stream.once("close", done);
  });
}
