/** One thing that was looked at. */
export interface Finding {
  readonly about: string;
  readonly state: "good" | "warning" | "bad";
  /** What was seen, on one line. */
  readonly seen: string;
  /** What makes it good. */
  readonly fix?: string;
}

/** A finding that is good. */
export function good(about: string, seen: string): Finding {
  return { about, state: "good", seen };
}

/** A finding that stops builds, or will. */
export function bad(about: string, seen: string, fix: string): Finding {
  return { about, state: "bad", seen, fix };
}

/** A finding that builds can live with. */
export function warning(about: string, seen: string, fix: string): Finding {
  return { about, state: "warning", seen, fix };
}
