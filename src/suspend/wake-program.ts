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

/** `e_machine` of the ELF header (System V ABI). */
const machineX86 = 62;

/** The program as an ELF file, or undefined for an architecture it is not written for. */
export function wakeProgram(arch: GuestArch): Buffer | undefined {
  return arch === "x86_64" ? elf64(x86, machineX86, wakeInputBytes) : undefined;
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
