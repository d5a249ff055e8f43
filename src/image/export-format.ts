import { extname } from "node:path";
import { type ExportFormat, exportFormats } from "../store/qemu-img-argv.ts";

/** The format a file's name asks for, by its ending; `.img` is raw. Undefined for other endings. */
export function formatOfName(path: string): ExportFormat | undefined {
  const ending = extname(path).slice(1);
  return ending === "img" ? "raw" : exportFormats.find((format) => format === ending);
}
