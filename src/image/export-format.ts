import { extname } from "node:path";
import type { ExportFormat } from "../store/qemu-img-argv.ts";

/** Every format an image can be exported in, the one to be built on first. */
export const exportFormats: readonly ExportFormat[] = ["qcow2", "raw", "vmdk", "vhdx", "vdi"];

/** The format a file's name asks for, by its ending; `.img` is raw. Undefined for other endings. */
export function formatOfName(path: string): ExportFormat | undefined {
  const ending = extname(path).slice(1);
  return ending === "img" ? "raw" : exportFormats.find((format) => format === ending);
}
