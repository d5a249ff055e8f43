/**
 * A value inside a comma-separated QEMU option (`-chardev`, `-kernel` excepted): a comma in it is
 * doubled (qemu(1), "Device URL Syntax" and `qemu_opts`).
 */
export function optionValue(value: string): string {
  return value.replaceAll(",", ",,");
}

/** A `-blockdev` argument; the JSON form has no escaping rules of its own (QAPI `BlockdevOptions`). */
export function blockdev(options: Readonly<Record<string, unknown>>): string[] {
  return ["-blockdev", JSON.stringify(options)];
}
