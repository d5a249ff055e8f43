import type { DownloadFailure } from "../../download/failure.ts";
import { formatByteSize } from "../../profile/byte-size.ts";
import type { StoreFailure } from "../../store/failure.ts";
import { exitCode } from "../exit-code.ts";
import type { Message } from "./message.ts";
import { duration } from "./units.ts";

type Failure = Exclude<DownloadFailure, StoreFailure>;

/** A download's failure in words. */
export function downloadMessage(failure: Failure): Message {
  switch (failure.reason) {
    case "download-failed":
      return {
        text: `${failure.source} could not be downloaded: ${failure.message}`,
        ...resumption(failure.keptBytes),
        exitCode: exitCode.host,
      };
    case "download-stalled":
      return {
        text: `${failure.source} could not be downloaded: the server sent nothing for ${duration(failure.idleMs)}`,
        ...resumption(failure.keptBytes),
        exitCode: exitCode.host,
      };
    case "checksum-mismatch": {
      const { source, algorithm, expected, actual } = failure;
      const got = "got".padEnd("expected".length);
      return {
        text: `${source} is not what was expected: its ${algorithm} checksum differs`,
        detail: `expected ${expected}\n${got} ${actual}`,
        hint: "nothing was kept or made of it; look at the checksum its publisher gives now, and change yours only if you trust that",
        exitCode: exitCode.badInput,
      };
    }
    case "source-unreadable":
      return {
        text: `${failure.path} cannot be read: ${failure.message}`,
        exitCode: exitCode.badInput,
      };
  }
}

function resumption(keptBytes: number): { readonly hint?: string } {
  return keptBytes === 0
    ? {}
    : { hint: `${formatByteSize(keptBytes)} are kept; the next try goes on from there` };
}
