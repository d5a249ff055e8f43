/** A profile that cannot be used, with everything that is wrong with it. */
export interface ProfileFailure {
  readonly reason: "profile-invalid";
  /** Path of the profile. */
  readonly file: string;
  /** At least one, in the order of the checks. */
  readonly problems: readonly ProfileProblem[];
}

/** One thing that is wrong with a profile. */
export interface ProfileProblem {
  /** Dotted path of the key; absent when the text is no TOML. */
  readonly key?: string;
  /** Where the text is no TOML, counted from 1. */
  readonly position?: { readonly line: number; readonly column: number };
  /** What is wrong, in one sentence that starts in lower case and has no full stop. */
  readonly message: string;
  /** What was expected, a "did you mean", or the way out. */
  readonly hint?: string;
}

/** The failure as lines of text, one problem each: `FILE:LINE:COLUMN: MESSAGE; HINT` or `FILE: KEY: …`. */
export function describeProfileFailure({ file, problems }: ProfileFailure): string {
  return problems
    .map(({ key, position, message, hint }) => {
      const place = position === undefined ? "" : `:${position.line}:${position.column}`;
      const subject = key === undefined ? "" : ` ${key}:`;
      return `${file}${place}:${subject} ${message}${hint === undefined ? "" : `; ${hint}`}`;
    })
    .join("\n");
}
