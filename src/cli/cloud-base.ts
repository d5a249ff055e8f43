import { parseChecksum, type Checksum } from "../download/checksum.ts";
import { download, keptPath } from "../download/download.ts";
import { publishedChecksum } from "../download/published.ts";
import { parseSource, type WebSource } from "../download/source.ts";
import type { CloudImage } from "../image/cloud-images.ts";
import { inputDisk } from "../image/input-disk.ts";
import { exitCode } from "./exit-code.ts";
import { openSettingsAndStore } from "./open-store.ts";
import { orThrow, userError } from "./or-throw.ts";
import { writeOut } from "./output.ts";
import { transferText } from "./render/transfer-text.ts";
import { liveStatus, plainLines } from "./render/status-line.ts";
import type { Settings } from "./settings.ts";
import { listenForTermination } from "./terminate.ts";
import { UserError } from "./user-error.ts";

export interface CloudFlags extends Pick<Settings, "store"> {
  /** Another place for the image. */
  readonly url?: string;
  /** `TYPE:VALUE` */
  readonly checksum?: string;
  readonly downloadOnly?: boolean;
}

/**
 * The base image of a distribution's cloud image: got, compared with its checksum, and looked at. The path of the
 * store's copy goes to standard output.
 *
 * @throws UserError
 */
export async function buildCloudBase(
  name: string,
  cloud: CloudImage,
  flags: CloudFlags,
): Promise<void> {
  if (flags.downloadOnly !== true) {
    const hint = `--download-only gets its image; \`vmbuild base add ${name} --from FILE --profile FILE\` takes one that is configured`;
    throw userError({ reason: "not-supported", what: `the base image ${name}`, hint });
  }
  const source = sourceOf(flags.url ?? cloud.url);
  const given = flags.checksum === undefined ? undefined : checksumOf(flags.checksum);
  const { layout } = await openSettingsAndStore(flags);
  const status = process.stderr.isTTY ? liveStatus(process.stderr) : plainLines(process.stderr);
  using termination = listenForTermination(() => void status.print("stopping\n"));
  const { signal } = termination;
  try {
    const checksum =
      given ?? orThrow(await publishedChecksum(source, cloud.checksums, { layout, signal }));
    await using file = orThrow(
      await download({
        layout,
        source,
        checksum,
        signal,
        onProgress: (progress) => status.set(0, transferText(source.url, progress)),
      }),
    );
    status.clear(0);
    orThrow(await inputDisk({ path: file.path, name: source.url, declared: "qcow2" }, signal));
    await status.print(`got ${source.url}\n${checksum.algorithm}:${checksum.value}\n`);
    await writeOut(`${keptPath(layout, checksum)}\n`);
  } catch (error) {
    const code = termination.exitCode();
    throw code === undefined ? error : new UserError("cancelled", { exitCode: code });
  } finally {
    status.close();
  }
}

function sourceOf(text: string): WebSource {
  const source = parseSource(text);
  if (source.ok && source.value.kind === "web") return source.value;
  throw new UserError(`--url ${text}: this is no http or https URL`, { exitCode: exitCode.usage });
}

function checksumOf(text: string): Checksum {
  const [, type = "", value = ""] = /^([^:]*):(.*)$/.exec(text) ?? [];
  const parsed = parseChecksum(type, value);
  if (parsed.ok) return parsed.value;
  const { message, hint = "write it as TYPE:VALUE, such as sha256:0123…" } = parsed.error;
  throw new UserError(`--checksum ${text}: ${message}`, { exitCode: exitCode.usage, hint });
}
