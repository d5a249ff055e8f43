/**
 * The architecture files of gen-vm-image (https://github.com/ucphhpc/gen-vm-image) in both of their shapes: `get_url`
 * and `checksum` beside the size, and an `input` of its own in newer versions.
 */
import { type Checksum, parseChecksum } from "../download/checksum.ts";
import { parseSource, type Source } from "../download/source.ts";
import { parseByteSize } from "../profile/byte-size.ts";
import { failed, ok, type Result } from "../result.ts";
import type { Diagnostic } from "../spec/diagnostic.ts";
import { suggest } from "../spec/did-you-mean.ts";
import { Problems } from "../spec/problems.ts";
import type { SourceText } from "../spec/source.ts";
import {
  type ImageFormat,
  imageFormats,
  type ExportFormat,
  exportFormats,
} from "../store/qemu-img-argv.ts";
import { readYaml } from "../yaml/yaml-source.ts";
import type { Architecture, ArchitectureImage, ImageInput } from "./architecture.ts";
import { YamlMap } from "./yaml-map.ts";

const SECTOR_BYTES = 512;
/** A file's name has 255 bytes, and holds more than an image's name. */
const MAX_NAME_BYTES = 200;

const imageKeys = ["name", "version", "size", "format", "get_url", "checksum", "input"];
const inputKeys = ["path", "url", "format", "checksum"];

/** An architecture file, and what is to be said of one that is right. */
export interface ParsedArchitecture {
  readonly architecture: Architecture;
  readonly warnings: readonly Diagnostic[];
}

/** Reads an architecture file, or tells everything that is wrong with it. */
export function parseArchitecture(source: SourceText): Result<ParsedArchitecture, Diagnostic[]> {
  const problems = new Problems(source);
  const yaml = readYaml(problems);
  const top = yaml && YamlMap.of(yaml, problems, "an architecture file");
  if (top === undefined) return failed(problems.inOrder());
  top.allow(["owner", "images"]);
  const owner = top.needText("owner");
  top.need("images");
  const all = top.map("images");
  const images = all?.keys().flatMap((key) => readImage(all, key) ?? []) ?? [];
  if (all?.keys().length === 0) top.wrong("images", "there is no image in images");
  if (problems.hasErrors || owner === undefined) return failed(problems.inOrder());
  return ok({ architecture: { owner, images }, warnings: problems.inOrder() });
}

function readImage(all: YamlMap, key: string): ArchitectureImage | undefined {
  all.need(key);
  const image = all.map(key);
  if (image === undefined) return undefined;
  image.allow(imageKeys);
  const name = readName(image, "name", image.needText("name"));
  const version = readName(image, "version", image.text("version"));
  const sizeBytes = readSize(image);
  const format = readFormat(image, exportFormats) ?? "qcow2";
  const input = readInput(image);
  if (name === undefined || sizeBytes === undefined) return undefined;
  return {
    key,
    name,
    ...(version === undefined ? {} : { version }),
    ...(input === undefined ? {} : { input }),
    format,
    sizeBytes,
  };
}

/** What becomes a part of a file's name. */
function readName(image: YamlMap, key: string, name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  // oxlint-disable-next-line no-control-regex
  const isUsable = /^[^./\u0000-\u001f\u007f][^/\u0000-\u001f\u007f]*$/u.test(name);
  if (isUsable && Buffer.byteLength(name) <= MAX_NAME_BYTES) return name;
  image.wrong(
    key,
    `the ${key} of an image becomes a part of a file's name, and this cannot`,
    isUsable
      ? `it has more than ${MAX_NAME_BYTES} bytes`
      : "it must not begin with a dot, or contain a slash or a control character",
  );
  return undefined;
}

function readSize(image: YamlMap): number | undefined {
  const text = image.needText("size");
  if (text === undefined) return undefined;
  const bytes = parseByteSize(text);
  if (bytes === undefined || bytes === 0) {
    const unit = /^(\d+(?:\.\d+)?) ?([kmgtp])b$/i.exec(text);
    image.wrong(
      "size",
      `${text} is not a size such as 20G`,
      unit === null ? undefined : `did you mean ${unit[1]}${unit[2]?.toUpperCase()}?`,
    );
    return undefined;
  }
  if (bytes % SECTOR_BYTES !== 0) {
    image.wrong("size", `a disk is a whole number of sectors of ${SECTOR_BYTES} bytes`);
    return undefined;
  }
  return bytes;
}

function readFormat<Format extends ImageFormat | ExportFormat>(
  map: YamlMap,
  known: readonly Format[],
): Format | undefined {
  const text = map.text("format");
  if (text === undefined) return undefined;
  const format = known.find((name) => name === text.toLowerCase());
  if (format === undefined) {
    map.wrong("format", `there is no image format ${text} here`, suggest(text, known));
  }
  return format;
}

function readInput(image: YamlMap): ImageInput | undefined {
  if (image.has("get_url") && image.has("input")) {
    image.wrongKey("input", "an image has either get_url or input", "leave one of them out");
    return undefined;
  }
  if (image.has("get_url")) {
    // There it belongs to what an image consists of.
    image.need("checksum");
    return inputOf(image, "get_url");
  }
  if (image.has("checksum")) {
    const hint = image.isMap("input")
      ? "move it into input"
      : "say what the checksum is of, with get_url or in input";
    image.wrongKey("checksum", "this checksum is of nothing", hint);
  }
  if (!image.has("input")) return undefined;
  // Short for an input that is nothing but a path.
  if (!image.isMap("input")) return inputOf(image, "input");
  const input = image.map("input");
  if (input === undefined) return undefined;
  input.allow(inputKeys);
  if (input.has("path") && input.has("url")) {
    input.wrongKey("url", "an input has either path or url", "leave one of them out");
    return undefined;
  }
  if (!input.has("path") && !input.has("url")) {
    input.wrongSelf("an input says where it is, with path or url");
    return undefined;
  }
  const format = readFormat(input, imageFormats);
  const read = inputOf(input, input.has("url") ? "url" : "path");
  return read === undefined || format === undefined ? read : { ...read, format };
}

/** The source at `key`, with the checksum beside it. */
function inputOf(map: YamlMap, key: string): ImageInput | undefined {
  const text = map.text(key);
  const source = text === undefined ? undefined : readSource(map, key, text);
  const checksum = key === "input" ? undefined : readChecksum(map);
  if (text === undefined || source === undefined) return undefined;
  if (source.kind === "web" && !map.has("checksum")) {
    map.warn(key, "nothing tells whether what comes is what you expect", "add its checksum");
  }
  return { source, text, ...(checksum === undefined ? {} : { checksum }) };
}

function readSource(map: YamlMap, key: string, text: string): Source | undefined {
  const source = parseSource(text);
  if (source.ok) return source.value;
  map.wrong(key, source.error.message, source.error.hint);
  return undefined;
}

function readChecksum(map: YamlMap): Checksum | undefined {
  const checksum = map.map("checksum");
  if (checksum === undefined) return undefined;
  checksum.allow(["type", "value"]);
  const type = checksum.needText("type");
  const value = checksum.needText("value");
  if (type === undefined || value === undefined) return undefined;
  const parsed = parseChecksum(type, value);
  if (parsed.ok) return parsed.value;
  const { part, message, hint } = parsed.error;
  checksum.wrong(part, message, hint);
  return undefined;
}
