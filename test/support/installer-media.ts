/**
 * Media like those of operating systems that cannot be had here: what recipes look for is on them, and what starts
 * from them is a program of a few bytes that does what an installation ends with.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { machineCode } from "../../src/machine/machine-code.ts";

/** Writes itself to the first sector of the first disk, says `message` on the first serial port, turns the PC off. */
export function installerProgram(message: string): Buffer {
  const code = machineCode(`
    31 c0       ; 7c00  xor  %ax,%ax
    8e d8       ;       mov  %ax,%ds
    8e c0       ;       mov  %ax,%es
    8e d0       ;       mov  %ax,%ss
    bc 00 7c    ;       mov  $0x7c00,%sp
    b8 01 03    ;       mov  $0x0301,%ax
    b9 01 00    ;       mov  $1,%cx
    ba 80 00    ;       mov  $0x80,%dx
    bb 00 7c    ;       mov  $0x7c00,%bx
    cd 13       ;       int  $0x13
    fc          ;       cld
    be 00 7d    ;       mov  $0x7d00,%si
    ba f8 03    ;       mov  $0x3f8,%dx
    ac          ; 7c20  lods %ds:(%si),%al
    84 c0       ;       test %al,%al
    74 03       ;       je   7c28
    ee          ;       out  %al,(%dx)
    eb f8       ;       jmp  7c20
    ba 04 06    ; 7c28  mov  $0x604,%dx
    b8 00 20    ;       mov  $0x2000,%ax
    ef          ;       out  %ax,(%dx)
    f4          ; 7c2f  hlt
    eb fd       ;       jmp  7c2f
  `);
  const image = Buffer.alloc(2048);
  code.copy(image);
  image.write(`${message}\r\n\0`, 0x100, "latin1");
  image.writeUInt16LE(0xaa55, 510);
  return image;
}

/** An ISO image of `files`, by path; one that a PC starts from when there is a `program`. */
export async function makeIso(
  iso: string,
  files: Readonly<Record<string, string | Buffer>>,
  program?: Buffer,
): Promise<string> {
  const dir = `${iso}.d`;
  const all = program === undefined ? files : { ...files, "boot.img": program };
  for (const [path, content] of Object.entries(all)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), content);
  }
  const boot =
    program === undefined ? [] : ["-b", "boot.img", "-no-emul-boot", "-boot-load-size", "4"];
  await execa("xorriso", ["-as", "mkisofs", "-quiet", "-J", "-R", "-o", iso, ...boot, dir]);
  return iso;
}

/** What the recipe for Windows is handed in: an ISO that starts `program`, and drivers. */
export async function windowsMedia(dir: string, program: Buffer) {
  const drivers = ["viostor", "vioscsi", "NetKVM"].map((name) => [
    `${name}/2k22/amd64/${name.toLowerCase()}.inf`,
    name,
  ]);
  return {
    // With a comma, which separates QEMU's options.
    iso: await makeIso(join(dir, "windows, server.iso"), { "readme.txt": "UDF" }, program),
    drivers: await makeIso(join(dir, "virtio-win.iso"), Object.fromEntries(drivers)),
  };
}

/** An ISO as OpenBSD's, whose boot loader for the network is `program`. */
export async function openbsdMedia(dir: string, program: Buffer) {
  const mdec = join(dir, "base", "usr", "mdec");
  await mkdir(mdec, { recursive: true });
  await writeFile(join(mdec, "pxeboot"), program);
  const base = await execa("tar", ["-C", join(dir, "base"), "-cz", "./usr"], {
    encoding: "buffer",
  });
  return {
    iso: await makeIso(join(dir, "install79.iso"), {
      "7.9/amd64/base79.tgz": Buffer.from(base.stdout),
      "7.9/amd64/bsd.rd": "kernel with a RAM disk",
      "7.9/amd64/bsd": "kernel",
      "7.9/amd64/INSTALL.amd64": "text",
      "7.9/amd64/SHA256": "sums",
    }),
  };
}
