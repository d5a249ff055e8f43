/** The names of base images and tags, which share one space: `from` takes either. */

/**
 * Why `name` cannot be given, or undefined when it can: a name is made of letters, digits and
 * `._:@+-`, in parts divided by `/`, each part beginning with a letter or a digit.
 */
export function nameProblem(name: string): string | undefined {
  const parts = name.split("/");
  return parts.every((part) => /^[A-Za-z0-9][A-Za-z0-9._:@+-]*$/.test(part))
    ? undefined
    : "a name consists of letters, digits and ._:@+- in parts divided by /, and each part starts with a letter or digit";
}
