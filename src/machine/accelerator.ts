/** How QEMU executes guest instructions (`-accel`). */
export type Accelerator = "kvm" | "tcg";
