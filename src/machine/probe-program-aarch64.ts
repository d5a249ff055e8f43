import { machineCode } from "./machine-code.ts";
import type { ProbeProgram } from "./probe-program.ts";

/**
 * A kernel for `virt`: 34 million rounds of a linear congruential generator, each through an
 * indirect call, one memory access and one write to a device per 16384 of them, and the last value
 * compared with the right one. It ends by PSCI SYSTEM_OFF (Arm DEN0022), upon which QEMU exits with 0;
 * with a wrong value it does not end.
 */
const code = machineCode(
  `
  52800021   ; 00  mov   w1, #1
  528cc1a2   ; 04  mov   w2, #0x660d
  72a00322   ; 08  movk  w2, #0x19, lsl #16
  529e6be3   ; 0c  mov   w3, #0xf35f
  72a78dc3   ; 10  movk  w3, #0x3c6e, lsl #16
  d2a12004   ; 14  mov   x4, #0x9000000     the serial port
  10ffff45   ; 18  adr   x5, 00
  100002a9   ; 1c  adr   x9, 70
  52810006   ; 20  mov   w6, #2048
  52880007   ; 24  mov   w7, #0x4000
  d63f0120   ; 28  blr   x9
  710004e7   ; 2c  subs  w7, w7, #1
  54ffffc1   ; 30  b.ne  28
  b90ffca1   ; 34  str   w1, [x5, #4092]
  b94ffca8   ; 38  ldr   w8, [x5, #4092]
  4a480c21   ; 3c  eor   w1, w1, w8, lsr #3
  39000087   ; 40  strb  w7, [x4]
  710004c6   ; 44  subs  w6, w6, #1
  54fffee1   ; 48  b.ne  24
  529c14e2   ; 4c  mov   w2, #0xe0a7
  72bb06c2   ; 50  movk  w2, #0xd836, lsl #16
  6b02003f   ; 54  cmp   w1, w2
  54000001   ; 58  b.ne  58
  52800100   ; 5c  mov   w0, #8             SYSTEM_OFF
  72b08000   ; 60  movk  w0, #0x8400, lsl #16
  d4000002   ; 64  hvc   #0
  d503207f   ; 68  wfi
  17ffffff   ; 6c  b     68
  1b020c21   ; 70  madd  w1, w1, w2, w3
  13811c28   ; 74  ror   w8, w1, #7
  0b080021   ; 78  add   w1, w1, w8
  d65f03c0   ; 7c  ret
`,
  4,
);

/** The program for aarch64. */
export const armProgram: ProbeProgram = {
  image: code,
  fileBytes: code.length,
  argv: (imagePath) => ["-machine", "virt", "-m", "64M", "-kernel", imagePath],
  exitCode: 0,
};
