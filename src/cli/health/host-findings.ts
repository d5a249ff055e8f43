import { access, constants, stat, statfs } from "node:fs/promises";
import { formatByteSize } from "../../profile/byte-size.ts";
import { bad, type Finding, good, warning } from "./finding.ts";

/** Programs every build runs, with the Debian package each is in. */
const programs = [
  ["qemu-system-x86_64", "qemu-system-x86"],
  ["qemu-img", "qemu-utils"],
  ["setpriv", "util-linux"],
] as const;

/** Looks for the programs and asks QEMU's for their version. */
export async function programFindings(signal: AbortSignal): Promise<readonly Finding[]> {
  const { execa } = await import("execa");
  return Promise.all(
    programs.map(async ([program, debianPackage]) => {
      const run = await execa(program, ["--version"], {
        reject: false,
        cancelSignal: signal,
        timeout: 10_000,
      });
      const [line = ""] = run.stdout.split("\n");
      return run.exitCode === 0
        ? good(program, line)
        : bad(
            program,
            run.code === "ENOENT" ? "not installed" : `does not run: ${run.shortMessage}`,
            `sudo apt-get install ${debianPackage}`,
          );
    }),
  );
}

const tightBytes = 5 * 1024 ** 3;
const tooLittleBytes = 512 * 1024 ** 2;

/** Looks at the room a store has and at who may look into it. */
export async function storeFindings(root: string): Promise<readonly Finding[]> {
  const { bavail, bsize } = await statfs(root);
  const free = bavail * bsize;
  const seen = `${formatByteSize(free)} free at ${root}`;
  const fix = "make room, or choose another place with --store";
  const room =
    free < tooLittleBytes
      ? bad("disk space", seen, fix)
      : free < tightBytes
        ? warning("disk space", seen, fix)
        : good("disk space", seen);
  const mode = (await stat(root)).mode & 0o777;
  const rights =
    (mode & 0o077) === 0
      ? good("store", `${root} is private`)
      : warning(
          "store",
          `others may look into ${root} (mode ${mode.toString(8)})`,
          `chmod 700 ${root}`,
        );
  return [room, rights];
}

/** Looks at `/dev/kvm`; builds go on without it, slower. */
export async function kvmFinding(): Promise<Finding | undefined> {
  const path = "/dev/kvm";
  try {
    await access(path, constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EACCES"
      ? warning(
          "kvm",
          `${path} is there and may not be used`,
          "sudo usermod -aG kvm $USER, then log in again",
        )
      : undefined;
  }
}
