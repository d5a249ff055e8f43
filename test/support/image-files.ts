/** Disk images that tests make without root. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execa } from "execa";

/** Where a plain user's PATH has not got mke2fs. */
export const toolEnv = { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` };

/** A directory `name` in `dir` with a small system's files and those given. */
export async function putSystem(
  dir: string,
  name: string,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  const root = join(dir, name);
  for (const part of ["dev", "proc", "usr/bin", "tmp", "boot/efi"]) {
    await mkdir(join(root, part), { recursive: true });
  }
  const all = {
    "etc/os-release": 'PRETTY_NAME="Test Linux"\n',
    "etc/machine-id": `${"0".repeat(32)}\n`,
    ...files,
  };
  for (const [path, content] of Object.entries(all)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
  return root;
}

/** An ext4 file system of 32 MiB with the files in a directory; `options` are mke2fs's. */
export async function ext4(
  path: string,
  root: string,
  options: readonly string[] = [],
): Promise<void> {
  await execa("truncate", ["-s", "32M", path]);
  await execa("mke2fs", ["-q", "-t", "ext4", ...options, "-d", root, path], { env: toolEnv });
}

/** A disk with these file systems as its partitions; `lines` are sfdisk's, for each its settings. */
export async function partitioned(
  path: string,
  label: string,
  parts: readonly (readonly [volume: string, settings: string])[],
): Promise<void> {
  await execa("truncate", ["-s", `${parts.length * 32 + 2}M`, path]);
  const lines = parts.map(
    ([, settings], index) => `start=${(index * 32 + 1) * 2048}, size=${32 * 2048}, ${settings}`,
  );
  await execa("sfdisk", ["-q", path], {
    env: toolEnv,
    input: [`label: ${label}`, ...lines].join("\n"),
  });
  for (const [index, [volume]] of parts.entries()) {
    const to = [`seek=${index * 32 + 1}`, "bs=1M", "conv=notrunc", "status=none"];
    await execa("dd", [`if=${volume}`, `of=${path}`, ...to]);
  }
}

/** What debugfs says of a file system that begins at a byte of an image. */
export async function debugfs(path: string, command: string, offset = 0): Promise<string> {
  const { stdout } = await execa("debugfs", ["-R", command, `${path}?offset=${offset}`], {
    env: toolEnv,
  });
  return stdout;
}
