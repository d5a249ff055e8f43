import { expect, test } from "vitest";
import { checksumIn } from "./checksum-file.ts";

const sha256 = "3e5dd47a3c5b4572f571949edf17f035b68f4fa70d374712e9120d32af6c63bf";
const sha512 = "0".repeat(128);

test.each<[what: string, text: string, expected: string | undefined]>([
  ["a text file", `${sha256}  disk.img\n`, `sha256 ${sha256}`],
  ["a binary file", `${sha256} *disk.img\r\n`, `sha256 ${sha256}`],
  ["a path", `${sha512}  ./images/disk.img\n`, `sha512 ${sha512}`],
  ["Rocky's", `# disk.img: 1 bytes\nSHA256 (disk.img) = ${sha256}\n`, `sha256 ${sha256}`],
  [
    "Fedora's",
    `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nSHA256 (disk.img) = ${sha256}\n-----BEGIN PGP SIGNATURE-----\n`,
    `sha256 ${sha256}`,
  ],
  ["several", `${sha256}  disk.img\n${sha512}  disk.img\n`, `sha512 ${sha512}`],
  ["another file's", `${sha256}  disk.img.xz\n`, undefined],
  ["no digest", "hello  disk.img\n00  disk.img\n", undefined],
])("%s", (_, text, expected) => {
  const found = checksumIn(text, "disk.img");
  expect(found && `${found.algorithm} ${found.value}`).toBe(expected);
});
