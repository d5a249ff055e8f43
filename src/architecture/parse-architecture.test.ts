import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { lineAndColumn } from "../spec/line-and-column.ts";
import { fileNameOf } from "./architecture.ts";
import { parseArchitecture } from "./parse-architecture.ts";

const sha256 = "3e5dd47a3c5b4572f571949edf17f035b68f4fa70d374712e9120d32af6c63bf";

function parse(text: string) {
  return parseArchitecture({ name: "architecture.yml", text });
}

/** What is said: place, what it is about, message and hint. */
function told(text: string): string[] {
  const parsed = parse(text);
  const diagnostics = parsed.ok ? parsed.value.warnings : parsed.error;
  return diagnostics.map(({ range, message, hint }) => {
    const { line, column } = lineAndColumn(text, range.start);
    const about = text.slice(range.start, range.end).trim().split("\n", 1)[0];
    return `${line}:${column} ${about} | ${message}${hint === undefined ? "" : ` | ${hint}`}`;
  });
}

/** A file with one image, whose lines are given. */
function withImage(...lines: readonly string[]): string {
  return `owner: me\nimages:\n  one:\n${lines.map((line) => `    ${line}\n`).join("")}`;
}

describe("files of both shapes", () => {
  test("get_url and checksum at the top", () => {
    const text = withImage(
      "name: rocky",
      "version: 9.10",
      "get_url: https://host/rocky.qcow2",
      `checksum: {type: sha256, value: ${sha256}}`,
      "size: 20G",
    );
    expect(told(text)).toEqual([]);
    expect(parse(text)).toMatchObject({
      ok: true,
      value: {
        architecture: {
          owner: "me",
          images: [
            {
              key: "one",
              name: "rocky",
              version: "9.10",
              format: "qcow2",
              sizeBytes: 20 * 1024 ** 3,
              input: {
                source: { kind: "web", url: "https://host/rocky.qcow2" },
                checksum: { algorithm: "sha256", value: sha256 },
              },
            },
          ],
        },
      },
    });
  });

  test("an input of its own", () => {
    const text = withImage(
      "name: disk",
      "format: raw",
      "size: 1024",
      "input:",
      "  path: dir/disk.vmdk",
      "  format: vmdk",
      `  checksum: {type: md5, value: 00000000000000000000000000000000}`,
    );
    expect(parse(text)).toMatchObject({
      value: {
        architecture: {
          images: [
            {
              format: "raw",
              sizeBytes: 1024,
              input: {
                source: { kind: "file", path: "dir/disk.vmdk" },
                format: "vmdk",
                checksum: { algorithm: "md5", value: "0".repeat(32) },
              },
            },
          ],
        },
      },
    });
  });

  test("no input at all, and one that is only a path", () => {
    const [empty] = imagesOf(withImage("name: a", "size: 1G"));
    expect(empty).not.toHaveProperty("input");
    expect(empty).not.toHaveProperty("version");
    const [path] = imagesOf(withImage("name: a", "size: 1G", "input: disk.qcow2"));
    expect(path?.input).toEqual({
      source: { kind: "file", path: "disk.qcow2" },
      text: "disk.qcow2",
    });
  });

  test("anchors, merges and another order", () => {
    const images = imagesOf(
      "images:\n  a: &a {size: 1G, name: x, version: 1.0}\n  b: {<<: *a, name: y}\nowner: me\n",
    );
    expect(images.map(fileNameOf)).toEqual(["x-1.0.qcow2", "y-1.0.qcow2"]);
  });

  test.each(["architecture.yml", "several-images.yml"])("examples/%s", async (name) => {
    const path = fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));
    const text = await readFile(path, "utf8");
    expect(told(text)).toEqual([]);
    expect(imagesOf(text).map(({ key }) => key)).toContain("debian-12");
  });
});

function imagesOf(text: string) {
  const parsed = parse(text);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value.architecture.images;
}

describe("files that are wrong", () => {
  test.each<[text: string, ...problems: string[]]>([
    ["", "1:1  | an architecture file is a map of keys"],
    ["- a\n", "1:1 - a | an architecture file is a map of keys"],
    ["owner: me\n", "1:1 owner: me | the file lacks images"],
    [
      "owner:\nimages: []\n",
      "1:1 owner | owner is empty",
      "2:9 [] | images has to be a map of keys",
    ],
    ["owner: me\nimages: {}\n", "2:9 {} | there is no image in images"],
    [
      "owner: me\nimage: {a: 1}\n",
      "1:1 owner: me | the file lacks images",
      "2:1 image | the file has no key image | did you mean `images`?",
    ],
    ["owner: [me]\nimages: {a: {name: a, size: 1G}}\n", "1:8 [me] | owner has to be a text"],
    [
      withImage("name: a", "sise: 1G"),
      "3:3 one | images.one lacks size",
      "5:5 sise | images.one has no key sise | did you mean `size`?",
    ],
    [
      "owner: me\nimages:\n  one:\n  two: x\n",
      "3:3 one | images.one is empty",
      "4:8 x | images.two has to be a map of keys",
    ],
    [
      withImage("name: a", "size: 20GB"),
      "5:11 20GB | 20GB is not a size such as 20G | did you mean 20G?",
    ],
    [withImage("name: a", "size: large"), "5:11 large | large is not a size such as 20G"],
    [withImage("name: a", "size: 0"), "5:11 0 | 0 is not a size such as 20G"],
    [
      withImage("name: a", "size: 1000"),
      "5:11 1000 | a disk is a whole number of sectors of 512 bytes",
    ],
    [
      withImage("name: ../a", "size: 1G"),
      "4:11 ../a | the name of an image becomes a part of a file's name, and this cannot | it must not begin with a dot, or contain a slash or a control character",
    ],
    [
      withImage("name: a", "size: 1G", "format: qcow"),
      "6:13 qcow | there is no image format qcow here | did you mean `qcow2`?",
    ],
    [
      withImage("name: a", "size: 1G", "get_url: http://h/"),
      "3:3 one | images.one lacks checksum",
      "6:14 http://h/ | nothing tells whether what comes is what you expect | add its checksum",
    ],
    [
      withImage("name: a", "size: 1G", "input: {url: 'ftp://h/', frmat: raw}"),
      "6:18 'ftp://h/' | vmbuild cannot fetch ftp URLs | expected an http, https or file URL, or a path",
      "6:30 frmat | images.one.input has no key frmat | did you mean `format`?",
    ],
    [
      withImage("name: a", "size: 1G", "input: {url: 'http://h/', path: x}"),
      "6:13 url | an input has either path or url | leave one of them out",
    ],
    [
      withImage("name: a", "size: 1G", "input: {format: raw}"),
      "6:5 input | an input says where it is, with path or url",
    ],
    [
      withImage("name: a", "size: 1G", "get_url: x", "checksum: {type: md5, value: 0}", "input: y"),
      "8:5 input | an image has either get_url or input | leave one of them out",
    ],
    [
      withImage("name: a", "size: 1G", "checksum: {type: md5, value: 0}", "input: {path: x}"),
      "6:5 checksum | this checksum is of nothing | move it into input",
    ],
    [
      withImage("name: a", "size: 1G", "get_url: x", "checksum: {type: sha265, value: 0, x: y}"),
      "7:22 sha265 | there is no checksum of the type sha265 | did you mean `sha256`?",
      "7:40 x | images.one.checksum has no key x | expected one of `type`, `value`",
    ],
    [
      withImage("name: a", "size: 1G", "get_url: x", "checksum: {type: md5}"),
      "7:5 checksum | images.one.checksum lacks value",
    ],
    [
      withImage("name: a", "size: 1G", "get_url: x", "checksum: 00"),
      "7:15 00 | images.one.checksum has to be a map of keys",
    ],
    [withImage("name: a", "name: b", "size: 1G"), "5:5 n | map keys must be unique"],
  ])("%j", (text, ...problems) => {
    expect(parse(text).ok).toBe(false);
    expect(told(text)).toEqual(problems);
  });

  test("broken YAML is told where it breaks", () => {
    const [problem] = told("owner: me\nimages: {a: [}\n");
    expect(problem).toMatch(/^2:/);
  });
});

test("an input from a server without a checksum is warned of", () => {
  expect(told(withImage("name: a", "size: 1G", "input: {url: 'http://h/x'}"))).toEqual([
    "6:18 'http://h/x' | nothing tells whether what comes is what you expect | add its checksum",
  ]);
});
