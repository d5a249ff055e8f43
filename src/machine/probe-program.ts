/** A tiny real program that shows whether an accelerator can run a guest, and how fast. */
export interface ProbeProgram {
  /** What the program's file holds. */
  readonly image: Buffer;
  /** Bytes the file is extended to with zeros. */
  readonly fileBytes: number;
  /** QEMU's arguments that run the file, but for accelerator and CPU model. */
  argv(imagePath: string): string[];
  /** QEMU's exit code when the program computed what it should; anything else is a failure. */
  readonly exitCode: number;
}
