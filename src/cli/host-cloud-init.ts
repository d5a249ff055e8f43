import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isGzip, userDataKind } from "../cloudinit/user-data-kind.ts";
import { findProgram } from "../machine/program.ts";

/** How long the host's cloud-init may think about a user-data. */
const timeoutMs = 20_000;

/**
 * What the host's own `cloud-init schema` has against a cloud-config, line by line. Nothing where there is no
 * cloud-init, or where it cannot tell.
 */
export async function hostSchemaWarnings(
  userData: Uint8Array,
  searchPath: string = process.env["PATH"] ?? "",
): Promise<readonly string[]> {
  const text = Buffer.from(userData).toString("utf8");
  if (isGzip(userData) || userDataKind(text) !== "cloud-config") return [];
  const found = await findProgram(
    { program: "cloud-init", debianPackage: "cloud-init" },
    searchPath,
  );
  if (!found.ok) return [];
  const { execa } = await import("execa");
  // Private, since it may hold secrets.
  const dir = await mkdtemp(join(tmpdir(), "vmbuild-schema-"));
  try {
    const path = join(dir, "user-data");
    await writeFile(path, userData, { mode: 0o600 });
    const { exitCode, all } = await execa(found.value, ["schema", "--config-file", path], {
      reject: false,
      all: true,
      stdin: "ignore",
      timeout: timeoutMs,
    });
    if (exitCode === 0 || exitCode === undefined) return [];
    return all
      .replaceAll(path, "user-data")
      .split("\n")
      .filter((line) => line.trim() !== "");
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
