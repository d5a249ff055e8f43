import { machineCode } from "../machine/machine-code.ts";
import type { GuestArch } from "../profile/profile.ts";

/**
 * A Linux program for the moment after a resume. It reads 64 random bytes and a `struct timespec` from its
 * standard input, mixes the bytes into the kernel's random pool, has the generator take its next key from
 * there (random(4): RNDADDENTROPY, RNDRESEEDCRNG) and sets the clock (clock_settime(2)). It exits with 0
 * when all of it was done.
 *
 * A shell has no ioctl(2), and a machine resumed twice would otherwise draw the same random bytes twice.
 */
const x86 = machineCode(`
  31c0             ; 00  xor   %eax,%eax           read(0, random, 80)
  31ff             ; 02  xor   %edi,%edi
  488d3589000000   ; 04  lea   random(%rip),%rsi
  ba50000000       ; 0b  mov   $80,%edx
  0f05             ; 10  syscall
  83f850           ; 12  cmp   $80,%eax
  7561             ; 15  jne   fail
  b802000000       ; 17  mov   $2,%eax             open("/dev/urandom", O_WRONLY)
  488d3d5c000000   ; 1c  lea   path(%rip),%rdi
  be01000000       ; 23  mov   $1,%esi
  31d2             ; 28  xor   %edx,%edx
  0f05             ; 2a  syscall
  89c3             ; 2c  mov   %eax,%ebx
  b810000000       ; 2e  mov   $16,%eax            ioctl(fd, RNDADDENTROPY, info)
  89df             ; 33  mov   %ebx,%edi
  be03520840       ; 35  mov   $0x40085203,%esi
  488d154b000000   ; 3a  lea   info(%rip),%rdx
  0f05             ; 41  syscall
  85c0             ; 43  test  %eax,%eax
  7531             ; 45  jne   fail
  b810000000       ; 47  mov   $16,%eax            ioctl(fd, RNDRESEEDCRNG)
  89df             ; 4c  mov   %ebx,%edi
  be07520000       ; 4e  mov   $0x5207,%esi
  31d2             ; 53  xor   %edx,%edx
  0f05             ; 55  syscall
  85c0             ; 57  test  %eax,%eax
  751d             ; 59  jne   fail
  b8e3000000       ; 5b  mov   $227,%eax           clock_settime(CLOCK_REALTIME, time)
  31ff             ; 60  xor   %edi,%edi
  488d356b000000   ; 62  lea   time(%rip),%rsi
  0f05             ; 69  syscall
  85c0             ; 6b  test  %eax,%eax
  7509             ; 6d  jne   fail
  31ff             ; 6f  xor   %edi,%edi
  b83c000000       ; 71  exit: mov $60,%eax        exit
  0f05             ; 76  syscall
  bf01000000       ; 78  fail: mov $1,%edi
  ebf2             ; 7d  jmp   exit
  2f6465762f7572616e646f6d00 ; 7f  path: "/dev/urandom"
  00020000         ; 8c  info: 512 bits of entropy
  40000000         ; 90        64 bytes
                   ; 94  random: 64 bytes
                   ; d4  time: 16 bytes
`);

/** The same for Arm, whose system calls have other numbers (Linux' `asm-generic/unistd.h`). */
const arm = machineCode(
  `
  100004a1   ; 00  adr   x1, random         read(0, random, 80)
  d2800000   ; 04  mov   x0, #0
  d2800a02   ; 08  mov   x2, #80
  d28007e8   ; 0c  mov   x8, #63
  d4000001   ; 10  svc   #0
  f101401f   ; 14  cmp   x0, #80
  540002e1   ; 18  b.ne  fail
  92800c60   ; 1c  mov   x0, #-100          openat(AT_FDCWD, "/dev/urandom", O_WRONLY)
  100002e1   ; 20  adr   x1, path
  d2800022   ; 24  mov   x2, #1
  d2800708   ; 28  mov   x8, #56
  d4000001   ; 2c  svc   #0
  aa0003f3   ; 30  mov   x19, x0
  528a4061   ; 34  mov   w1, #0x5203        ioctl(fd, RNDADDENTROPY, info)
  72a80101   ; 38  movk  w1, #0x4008, lsl #16
  10000282   ; 3c  adr   x2, info
  d28003a8   ; 40  mov   x8, #29
  d4000001   ; 44  svc   #0
  b5000160   ; 48  cbnz  x0, fail
  aa1303e0   ; 4c  mov   x0, x19            ioctl(fd, RNDRESEEDCRNG)
  528a40e1   ; 50  mov   w1, #0x5207
  d4000001   ; 54  svc   #0
  b50000e0   ; 58  cbnz  x0, fail
  100003c1   ; 5c  adr   x1, time           clock_settime(CLOCK_REALTIME, time), x0 being 0
  d2800e08   ; 60  mov   x8, #112
  d4000001   ; 64  svc   #0
  b5000060   ; 68  cbnz  x0, fail
  d2800ba8   ; 6c  exit: mov x8, #93        exit
  d4000001   ; 70  svc   #0
  d2800020   ; 74  fail: mov x0, #1
  17fffffd   ; 78  b     exit
  7665642f 6172752f 6d6f646e 00000000 ; 7c  path: "/dev/urandom"
  00000200   ; 8c  info: 512 bits of entropy
  00000040   ; 90        64 bytes
             ; 94  random: 64 bytes
             ; d4  time: 16 bytes
`,
  4,
);

/** With `e_machine` of the ELF header (System V ABI). */
const programs: Readonly<Record<GuestArch, { readonly code: Buffer; readonly machine: number }>> = {
  x86_64: { code: x86, machine: 62 },
  aarch64: { code: arm, machine: 183 },
};

/** The program as an ELF file. */
export function wakeProgram(arch: GuestArch): Buffer {
  const { code, machine } = programs[arch];
  return elf64(code, machine, wakeInputBytes);
}

const randomBytes = 64;
const wakeInputBytes = randomBytes + 16;

/** What the program reads: `random` has 64 bytes, the time is since the epoch. */
export function wakeInput(random: Uint8Array, timeMs: number): Buffer {
  if (random.length !== randomBytes) throw new Error("Internal error: 64 random bytes are needed");
  const input = Buffer.alloc(wakeInputBytes);
  input.set(random);
  input.writeBigInt64LE(BigInt(Math.floor(timeMs / 1000)), randomBytes);
  input.writeBigInt64LE(BigInt(Math.floor((timeMs % 1000) * 1e6)), randomBytes + 8);
  return input;
}

/**
 * A program of one segment, which holds the whole file and `roomBytes` behind it (System V ABI, "Object
 * Files").
 */
function elf64(code: Buffer, machine: number, roomBytes: number): Buffer {
  const address = 0x400000n;
  const headerBytes = 64 + 56;
  const fileBytes = headerBytes + code.length;
  const header = Buffer.alloc(headerBytes);
  header.write("\x7fELF\x02\x01\x01", "latin1");
  header.writeUInt16LE(2, 16); // e_type: ET_EXEC
  header.writeUInt16LE(machine, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(address + BigInt(headerBytes), 24); // e_entry
  header.writeBigUInt64LE(64n, 32); // e_phoff
  header.writeUInt16LE(64, 52); // e_ehsize
  header.writeUInt16LE(56, 54); // e_phentsize
  header.writeUInt16LE(1, 56); // e_phnum
  header.writeUInt32LE(1, 64); // p_type: PT_LOAD
  header.writeUInt32LE(7, 68); // p_flags: read, write, execute
  header.writeBigUInt64LE(address, 80);
  header.writeBigUInt64LE(address, 88);
  header.writeBigUInt64LE(BigInt(fileBytes), 96); // p_filesz
  header.writeBigUInt64LE(BigInt(fileBytes + roomBytes), 104); // p_memsz
  header.writeBigUInt64LE(0x1000n, 112); // p_align
  return Buffer.concat([header, code]);
}
