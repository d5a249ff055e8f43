/** Names people choose, as names of files: nothing in them can lead elsewhere, and they can be read back. */

/** Percent-encodes every byte but letters, digits, `_`, `-` and `.`. */
export function escapeName(name: string): string {
  return Array.from(Buffer.from(name), (byte) => {
    const character = String.fromCharCode(byte);
    return /[A-Za-z0-9_.-]/.test(character)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }).join("");
}

/** The name {@link escapeName} wrote; undefined for what it would not have written. */
export function unescapeName(escaped: string): string | undefined {
  try {
    const name = decodeURIComponent(escaped);
    return escapeName(name) === escaped ? name : undefined;
  } catch {
    return undefined;
  }
}
