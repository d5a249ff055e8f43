import { isAbsolute } from "node:path";

/** A flash image. */
export interface FlashImage {
  /** Absolute. */
  readonly path: string;
  readonly format: "qcow2" | "raw";
}

/** What one firmware descriptor says, as far as booting a disk needs it. */
export interface FirmwareDescriptor {
  readonly code: FlashImage;
  /** A variable store to be copied for each machine; absent for a firmware that keeps none. */
  readonly variables?: FlashImage;
  /** True for UEFI that boots what is not signed and needs nothing special of the machine. */
  readonly isPlainUefi: boolean;
  /** @param machine with its version, such as `pc-q35-7.2` */
  fits(arch: string, machine: string): boolean;
}

/** Features that keep a firmware from booting any image on any machine (QAPI `FirmwareFeature`). */
const special = ["secure-boot", "enrolled-keys", "requires-smm"];

/**
 * Reads a firmware descriptor (QAPI `Firmware`). Undefined for what is none, and for a firmware that is no pair of flash
 * images and no read-only one: what is loaded by `-bios`, or writes to its own code.
 */
export function parseDescriptor(text: string): FirmwareDescriptor | undefined {
  const firmware = parse(text);
  const mapping = record(firmware?.["mapping"]);
  const mode = mapping?.["mode"] ?? "split";
  if (mapping?.["device"] !== "flash" || (mode !== "split" && mode !== "stateless")) {
    return undefined;
  }
  const code = image(mapping["executable"]);
  const variables = image(mapping["nvram-template"]);
  if (code === undefined || (mode === "split" && variables === undefined)) return undefined;
  const features = list(firmware?.["features"]);
  const targets = list(firmware?.["targets"]).map(record);
  return {
    code,
    ...(mode === "split" && variables !== undefined ? { variables } : {}),
    isPlainUefi:
      list(firmware?.["interface-types"]).includes("uefi") &&
      !special.some((feature) => features.includes(feature)),
    fits: (arch, machine) =>
      targets.some(
        (target) =>
          target?.["architecture"] === arch &&
          list(target["machines"]).some((pattern) => matches(String(pattern), machine)),
      ),
  };
}

/** A shell's pattern (fnmatch(3)), of which descriptors use `*` and `?`. */
function matches(pattern: string, machine: string): boolean {
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`).test(machine);
}

function image(value: unknown): FlashImage | undefined {
  const { filename, format } = record(value) ?? {};
  if (typeof filename !== "string" || !isAbsolute(filename)) return undefined;
  if (format !== "raw" && format !== "qcow2") return undefined;
  return { path: filename, format };
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return record(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function record(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
