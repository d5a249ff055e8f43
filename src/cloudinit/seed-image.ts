/**
 * A NoCloud seed as a disk: an ISO 9660 image with the label `cidata` and the files in its root, named by Rock Ridge
 * and by Joliet (cloud-init, datasource NoCloud).
 *
 *     sectors 0-15   nothing
 *     16, 17, 18     primary descriptor, Joliet's, the end of descriptors
 *     19, 20         path tables of the primary tree, little-endian and big-endian
 *     21, 22         Joliet's
 *     23, 24         root directories of the two trees
 *     25             what is too long for a directory record: which Rock Ridge this is
 *     26…            the files
 *
 * Sources: ECMA-119, the System Use Sharing Protocol and the Rock Ridge Interchange Protocol (IEEE P1281, P1282), the
 * Joliet Specification.
 */

/** A file of the seed, by the name that cloud-init looks for. */
export interface SeedFile {
  readonly name: string;
  readonly content: Uint8Array;
}

/** The label by which cloud-init finds a seed. */
const seedLabel = "cidata";

const sectorBytes = 2048;
const pathTables = { primary: 19, joliet: 21 };
const roots = { primary: 23, joliet: 24 };
const continuationSector = 25;
const firstFileSector = 26;

/** A directory record without its file's name has this many bytes (ECMA-119, 9.1). */
const recordHeadBytes = 33;
/** The path table of a tree that has nothing but its root. */
const pathTableBytes = 10;

interface Placed {
  readonly file: SeedFile;
  readonly sector: number;
}

/**
 * The image, which is the same bytes for the same files in any order.
 *
 * @throws Error when the names do not fit into one sector of a directory, which those of a seed do
 */
export function seedImage(files: readonly SeedFile[]): Buffer {
  const placed: Placed[] = [];
  let next = firstFileSector;
  for (const file of files.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    placed.push({ file, sector: file.content.length === 0 ? 0 : next });
    next += Math.ceil(file.content.length / sectorBytes);
  }
  const image = Buffer.alloc(next * sectorBytes);
  const put = (sector: number, bytes: Uint8Array): void => image.set(bytes, sector * sectorBytes);
  put(16, descriptor("primary", next));
  put(17, descriptor("joliet", next));
  put(18, Buffer.from("\xFFCD001\x01", "latin1"));
  for (const tree of ["primary", "joliet"] as const) {
    put(pathTables[tree], pathTable(roots[tree], "little"));
    put(pathTables[tree] + 1, pathTable(roots[tree], "big"));
    put(roots[tree], directory(tree, placed));
  }
  put(continuationSector, whichRockRidge);
  for (const { file, sector } of placed) put(sector, file.content);
  return image;
}

type Tree = "primary" | "joliet";

/** ECMA-119, 8.4 and 8.5; Joliet, "SVD Field Recording". */
function descriptor(tree: Tree, sectors: number): Buffer {
  const isJoliet = tree === "joliet";
  const bytes = Buffer.alloc(sectorBytes);
  const text = (value: string, at: number, length: number): void => {
    const field = isJoliet
      ? utf16be(value.padEnd(Math.floor(length / 2), " "))
      : Buffer.from(value.padEnd(length, " "), "latin1");
    bytes.set(field, at);
  };
  bytes.write(`${isJoliet ? "\x02" : "\x01"}CD001\x01`, "latin1");
  text("", 8, 32);
  text(seedLabel, 40, 32);
  bytes.set(both32(sectors), 80);
  // UCS-2, level 3.
  if (isJoliet) bytes.write("%/E", 88, "latin1");
  bytes.set(both16(1), 120);
  bytes.set(both16(1), 124);
  bytes.set(both16(sectorBytes), 128);
  bytes.set(both32(pathTableBytes), 132);
  bytes.writeUInt32LE(pathTables[tree], 140);
  bytes.writeUInt32BE(pathTables[tree] + 1, 148);
  bytes.set(
    record({ name: self, sector: roots[tree], bytes: sectorBytes, isDirectory: true }),
    156,
  );
  for (const [at, length] of [
    [190, 128],
    [318, 128],
    [446, 128],
    [574, 128],
    [702, 37],
    [739, 37],
    [776, 37],
  ] as const) {
    text("", at, length);
  }
  // Dates that are not given are digits of zero (8.4.26.1): a seed has none, so that it is always the same.
  for (const at of [813, 830, 847, 864]) bytes.write("0".repeat(16), at, "latin1");
  bytes[881] = 1;
  return bytes;
}

/** ECMA-119, 9.4: the root alone. */
function pathTable(root: number, order: "little" | "big"): Buffer {
  const bytes = Buffer.alloc(pathTableBytes);
  bytes[0] = 1;
  if (order === "little") {
    bytes.writeUInt32LE(root, 2);
    bytes.writeUInt16LE(1, 6);
  } else {
    bytes.writeUInt32BE(root, 2);
    bytes.writeUInt16BE(1, 6);
  }
  return bytes;
}

/** Names of a directory itself and of its parent (ECMA-119, 6.8.2.2). */
const self = Buffer.from([0]);
const parent = Buffer.from([1]);

function directory(tree: Tree, files: readonly Placed[]): Buffer {
  const isJoliet = tree === "joliet";
  const root = { sector: roots[tree], bytes: sectorBytes, isDirectory: true };
  const rootMode = isJoliet ? [] : [posix(0o040_500, 2)];
  const records = [
    record({ ...root, name: self }, isJoliet ? [] : [sharing, posix(0o040_500, 2), continued]),
    record({ ...root, name: parent }, rootMode),
    ...files.map(({ file, sector }) =>
      record(
        {
          name: isJoliet ? utf16be(file.name) : Buffer.from(primaryName(file.name), "latin1"),
          sector,
          bytes: file.content.length,
          isDirectory: false,
        },
        isJoliet ? [] : [posix(0o100_400, 1), alternateName(file.name)],
      ),
    ),
  ];
  const bytes = Buffer.concat(records);
  if (bytes.length > sectorBytes) throw new Error("Internal error: a seed of too many files");
  return bytes;
}

interface Entry {
  readonly name: Buffer;
  readonly sector: number;
  readonly bytes: number;
  readonly isDirectory: boolean;
}

/** ECMA-119, 9.1. */
function record(entry: Entry, systemUse: readonly Buffer[] = []): Buffer {
  const { name } = entry;
  const nameEnd = recordHeadBytes + name.length;
  const use = Buffer.concat(systemUse);
  const length = even(nameEnd) + even(use.length);
  const bytes = Buffer.alloc(length);
  bytes[0] = length;
  bytes.set(both32(entry.sector), 2);
  bytes.set(both32(entry.bytes), 10);
  bytes.set(recordDate, 18);
  bytes[25] = entry.isDirectory ? 2 : 0;
  bytes.set(both16(1), 28);
  bytes[32] = name.length;
  bytes.set(name, recordHeadBytes);
  bytes.set(use, even(nameEnd));
  return bytes;
}

/** The first day of 1980, the first that every file system can tell: a seed is the same whenever it is made. */
const recordDate = [80, 1, 1];

/** Eight letters, an empty extension and a version, as ECMA-119 allows at its first level. */
function primaryName(name: string): string {
  return `${name
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]/g, "_")
    .slice(0, 8)}.;1`;
}

/** SUSP, SP: there are system use entries. */
const sharing = Buffer.from("SP\x07\x01\xBE\xEF\x00", "latin1");

/** RRIP, ER: its identifier, description and source are fixed texts. */
const whichRockRidge = (() => {
  const texts = [
    "RRIP_1991A",
    "THE ROCK RIDGE INTERCHANGE PROTOCOL PROVIDES SUPPORT FOR POSIX FILE SYSTEM SEMANTICS",
    "PLEASE CONTACT DISC PUBLISHER FOR SPECIFICATION SOURCE.  SEE PUBLISHER IDENTIFIER IN PRIMARY VOLUME DESCRIPTOR FOR CONTACT INFORMATION.",
  ];
  const lengths = texts.map((text) => text.length);
  const body = Buffer.from(texts.join(""), "latin1");
  return susp("ER", Buffer.concat([Buffer.from([...lengths, 1]), body]));
})();

/** SUSP, CE: the rest of the entries is in another sector. */
const continued = susp(
  "CE",
  Buffer.concat([both32(continuationSector), both32(0), both32(whichRockRidge.length)]),
);

/** RRIP, PX: mode, links, owner, group. All of a seed is root's, since it may hold secrets. */
function posix(mode: number, links: number): Buffer {
  return susp("PX", Buffer.concat([mode, links, 0, 0].map(both32)));
}

/** RRIP, NM: the name as it is. */
function alternateName(name: string): Buffer {
  return susp("NM", Buffer.from(`\0${name}`, "latin1"));
}

function susp(signature: string, data: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(signature), Buffer.from([data.length + 4, 1]), data]);
}

/** A number in both orders of bytes (ECMA-119, 7.3.3). */
function both32(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(value, 0);
  bytes.writeUInt32BE(value, 4);
  return bytes;
}

/** ECMA-119, 7.2.3. */
function both16(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16LE(value, 0);
  bytes.writeUInt16BE(value, 2);
  return bytes;
}

function utf16be(text: string): Buffer {
  return Buffer.from(text, "utf16le").swap16();
}

function even(length: number): number {
  return length + (length % 2);
}
