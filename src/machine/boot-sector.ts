import { machineCode } from "./machine-code.ts";
import { blockdev } from "./qemu-option.ts";
import type { ProbeProgram } from "./probe-program.ts";

/**
 * A PC boot sector: 34 million rounds of a linear congruential generator, each through memory, a
 * 64 KiB block copy and one port write per 16384 of them, and the last value compared with the right
 * one. It ends by the port of `isa-debug-exit`, which makes QEMU exit with twice the value plus one.
 *
 * The BIOS loads it to 0x7c00 in real mode.
 */
const code = machineCode(`
  fa                       ; 7c00  cli
  fc                       ;       cld
  b8 00 10                 ;       mov    $0x1000,%ax
  8e d8                    ;       mov    %ax,%ds
  b8 00 20                 ;       mov    $0x2000,%ax
  8e c0                    ;       mov    %ax,%es
  66 bb 01 00 00 00        ;       mov    $1,%ebx
  bd 00 08                 ;       mov    $2048,%bp
  31 ff                    ; 7c15  xor    %di,%di
  66 69 db 0d 66 19 00     ; 7c17  imul   $1664525,%ebx,%ebx
  66 81 c3 5f f3 6e 3c     ;       add    $1013904223,%ebx
  66 89 1d                 ;       mov    %ebx,(%di)
  66 c1 cb 07              ;       ror    $7,%ebx
  66 03 1d                 ;       add    (%di),%ebx
  83 c7 04                 ;       add    $4,%di
  75 e3                    ;       jne    7c17
  31 f6                    ;       xor    %si,%si
  b9 00 40                 ;       mov    $0x4000,%cx
  66 f3 a5                 ;       rep movsl %ds:(%si),%es:(%di)
  26 66 03 1e fc ff        ;       add    %es:0xfffc,%ebx
  e6 80                    ;       out    %al,$0x80
  4d                       ;       dec    %bp
  75 ce                    ;       jne    7c15
  b0 31                    ;       mov    $0x31,%al
  66 81 fb b7 2b 40 cd     ;       cmp    $0xcd402bb7,%ebx
  74 02                    ;       je     7c54
  fe c0                    ;       inc    %al
  e6 f4                    ; 7c54  out    %al,$0xf4
  f4                       ; 7c56  hlt
  eb fd                    ;       jmp    7c56
`);

/** The sector with its signature in the last two bytes. */
function sector(): Buffer {
  const bytes = Buffer.alloc(512);
  code.copy(bytes);
  bytes.writeUInt16LE(0xaa55, 510);
  return bytes;
}

/** The program for x86_64. */
export const bootSector: ProbeProgram = {
  image: sector(),
  // SeaBIOS boots from no disk that is smaller than a cylinder.
  fileBytes: 2 ** 20,
  argv: (imagePath) => [
    "-machine",
    "pc",
    "-m",
    "16M",
    ...blockdev({
      driver: "raw",
      "node-name": "sector",
      "read-only": true,
      file: { driver: "file", filename: imagePath },
    }),
    "-device",
    "virtio-blk-pci,drive=sector,bootindex=0",
    "-device",
    "isa-debug-exit,iobase=0xf4,iosize=1",
  ],
  exitCode: 2 * 0x31 + 1,
};
