import type { Architecture, ArchitectureImage } from "../architecture/architecture.ts";
import { parseArchitecture } from "../architecture/parse-architecture.ts";
import { decodeText } from "../spec/decode-text.ts";
import { suggest } from "../spec/did-you-mean.ts";
import { maxTextLength } from "../spec/text-limit.ts";
import { exitCode } from "./exit-code.ts";
import { readBytes } from "./read-bytes.ts";
import { printDiagnostics, wrongSpec } from "./read-spec.ts";
import { UserError } from "./user-error.ts";

/** Reads an architecture file and says its warnings. @throws UserError after printing what is wrong with it */
export async function readArchitecture(path: string): Promise<Architecture> {
  const name = path === "-" ? "<stdin>" : path;
  const decoded = decodeText(await readBytes(path, "an architecture file", maxTextLength), name);
  if (!decoded.ok) throw wrongSpec(name, decoded.error);
  const parsed = parseArchitecture(decoded.value);
  if (!parsed.ok) throw wrongSpec(name, parsed.error);
  printDiagnostics(parsed.value.warnings);
  return parsed.value.architecture;
}

/**
 * The images of the given names or keys, in the order of the file; all without names.
 *
 * @throws UserError when a name is none
 */
export function chosenImages(
  { images }: Architecture,
  names: readonly string[] | undefined,
): readonly ArchitectureImage[] {
  if (names === undefined) return images;
  const isCalled = ({ key, name }: ArchitectureImage, text: string) =>
    key === text || name === text;
  for (const text of names) {
    if (images.some((image) => isCalled(image, text))) continue;
    const known = [...new Set(images.flatMap(({ key, name }) => [key, name]))];
    throw new UserError(`--image ${text}: there is no image of that name`, {
      exitCode: exitCode.usage,
      hint: suggest(text, known),
    });
  }
  return images.filter((image) => names.some((text) => isCalled(image, text)));
}
