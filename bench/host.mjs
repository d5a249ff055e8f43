import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { timed } from "./process.mjs";

/** What a program says of its version, or undefined when it is not installed. */
export async function versionOf(program, flag = "--version") {
  try {
    // The timer of a program that cannot be started would keep this process.
    const { stdout } = await timed([program, flag], { timeout: 0 });
    return /\d+(\.\d+)+/.exec(stdout)?.[0] ?? "of unknown version";
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** The machine and the programs that are compared, as one line. */
export async function describeHost({ accelerator, base }) {
  const system = /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1];
  const version = async (name, program, flag) =>
    `${name} ${(await versionOf(program, flag)) ?? "not installed"}`;
  return [
    `${cpus().length} x ${cpus()[0].model.trim()}`,
    `${(totalmem() / 1024 ** 3).toFixed(0)} GiB`,
    system,
    `Linux ${release()}`,
    await version("QEMU", "qemu-system-x86_64"),
    `accelerator ${accelerator}`,
    `Node ${process.versions.node}`,
    await version("Packer", "packer", "version"),
    await version("virt-customize", "virt-customize"),
    `guest ${base}`,
  ].join(", ");
}
