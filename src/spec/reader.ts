import { failed, ok, type Result } from "../result.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { Lexer, type Mark, type Token } from "./lexer.ts";
import { placeName } from "./line-and-column.ts";
import { Problems } from "./problems.ts";
import type { Sexp, SexpComment, SexpDocument, SexpElement } from "./sexp.ts";
import type { SourceRange, SourceText } from "./source.ts";
import { maxTextLength, tooLong } from "./text-limit.ts";
import { indentationHint } from "./unclosed-list.ts";

/** Deeper than any spec; what walks S-expressions may be recursive because of it. */
const maxDepth = 1000;

/**
 * Reads a text that holds exactly one S-expression, as OBuilder reads a spec file with Sexplib's
 * `load_sexp`, and keeps the comments.
 *
 * Fails with every lexical error and the first error of structure. Beyond Sexplib it refuses NULs in
 * atoms, what is not Unicode text, texts over 4 Mi characters and nesting over 1000 levels; and it takes
 * a commented-out atom as the very end of a text, which `load_sexp` calls incomplete.
 * Takes linear time and constant stack for any text.
 */
export function readSexp(source: SourceText): Result<SexpDocument, Diagnostic[]> {
  const problems = new Problems(source);
  const document = isReadable(problems) ? new Reader(problems).read() : undefined;
  return document === undefined || problems.hasErrors ? failed(problems.inOrder()) : ok(document);
}

/** Whether the text is short enough and well-formed Unicode, as `decodeText` gives it. */
function isReadable(problems: Problems): boolean {
  const { text } = problems.source;
  if (text.length > maxTextLength) tooLong(problems);
  const surrogate = text.search(/\p{Cs}/u);
  if (surrogate !== -1) {
    const range = { start: surrogate, end: surrogate + 1 };
    problems.error(range, "half a surrogate pair is not a character");
  }
  return !problems.hasErrors;
}

/** A list or `#;` whose end is not read yet; for the outermost frame, the text. */
interface Frame {
  readonly kind: "text" | "list" | "datum-comment";
  readonly range: SourceRange;
  readonly items: Sexp[];
  /** Like `items` with comments; made when the first comment comes, since most lists have none. */
  content: SexpElement[] | undefined;
}

class Reader {
  readonly #problems: Problems;
  readonly #text: string;
  readonly #lexer: Lexer;
  readonly #textFrame = frame("text", { start: 0, end: 0 });
  readonly #stack: Frame[] = [this.#textFrame];

  constructor(problems: Problems) {
    this.#problems = problems;
    this.#text = problems.source.text;
    this.#lexer = new Lexer(this.#text, problems);
  }

  /** Undefined when an error was added after which no document can be given. */
  read(): SexpDocument | undefined {
    for (;;) {
      const token = this.#lexer.next();
      if (token.kind === "end") return this.#finish(token);
      if (token.kind === "unfinished" || !this.#take(token)) return undefined;
    }
  }

  /** False when reading cannot go on. */
  #take(token: Token): boolean {
    switch (token.kind) {
      case "open":
        return this.#open("list", token);
      case "datum-mark":
        return this.#open("datum-comment", token);
      case "close":
        return this.#close(token);
      case "atom":
        return this.#addDatum(token);
      case "line-comment":
      case "block-comment":
        this.#addComment({ kind: token.kind, range: token.range });
        return true;
      default:
        return false;
    }
  }

  #top(): Frame {
    return this.#stack.at(-1) ?? this.#textFrame;
  }

  #open(kind: "list" | "datum-comment", { range }: Mark): boolean {
    if (this.#stack.length > maxDepth) {
      this.#problems.error(range, `nested more than ${maxDepth} levels deep`);
      return false;
    }
    if (kind === "list" && !this.#mayStartDatum(range)) return false;
    this.#stack.push(frame(kind, range));
    return true;
  }

  #close({ range }: Mark): boolean {
    while (this.#top().kind === "datum-comment") {
      const comment = this.#stack.pop();
      if (comment !== undefined) this.#reportEmptyDatumComment(comment);
    }
    const list = this.#top();
    if (list.kind === "text") {
      this.#problems.error(range, "this `)` closes nothing", this.#earlyEnd());
      return false;
    }
    this.#stack.pop();
    const { items, content = items } = list;
    return this.#addDatum({
      kind: "list",
      items,
      content,
      range: { start: list.range.start, end: range.end },
    });
  }

  #addDatum(datum: Sexp): boolean {
    const top = this.#top();
    if (top.kind === "datum-comment") {
      this.#stack.pop();
      const before = (top.content ?? []) as SexpComment[];
      const range = { start: top.range.start, end: datum.range.end };
      this.#addComment({ kind: "datum-comment", before, datum, range });
      return true;
    }
    if (!this.#mayStartDatum(datum.range)) return false;
    top.items.push(datum);
    top.content?.push(datum);
    return true;
  }

  #addComment(comment: SexpComment): void {
    const top = this.#top();
    top.content ??= [...top.items];
    top.content.push(comment);
  }

  #mayStartDatum(range: SourceRange): boolean {
    const [first] = this.#textFrame.items;
    if (this.#stack.length > 1 || first === undefined) return true;
    this.#problems.error(
      { start: range.start, end: range.start + 1 },
      "there is more text after the end of the spec",
      this.#earlyEnd(),
    );
    return false;
  }

  /** Why the spec may have ended too early; undefined when nothing ended yet. */
  #earlyEnd(): string | undefined {
    const [first] = this.#textFrame.items;
    if (first === undefined) return undefined;
    const head = first.kind === "list" ? first.items[0] : first;
    if (head?.kind === "atom" && (head.text === "from" || head.text === "build")) {
      return "put one more pair of parentheses around the whole spec";
    }
    return `the spec ended at ${placeName(this.#text, first.range.end - 1)}`;
  }

  #finish(end: Mark): SexpDocument | undefined {
    const [sexp] = this.#textFrame.items;
    const unclosed = this.#stack.findLast((open) => open.kind === "list");
    if (unclosed !== undefined) this.#reportUnclosed(unclosed.range);
    else if (this.#top().kind === "datum-comment") this.#reportEmptyDatumComment(this.#top());
    else if (sexp === undefined) this.#reportEmpty(end.range);
    else return { source: this.#problems.source, sexp, content: this.#textFrame.content ?? [sexp] };
    return undefined;
  }

  #reportUnclosed(range: SourceRange): void {
    const around = this.#stack.filter((open) => open.kind === "list").length - 1;
    const plural = around === 1 ? "is the one" : `are the ${around}`;
    const others = around === 0 ? "" : `, nor ${plural} around it`;
    const message = `this \`(\` is not closed${others}`;
    this.#problems.error(range, message, indentationHint(this.#text));
  }

  #reportEmptyDatumComment({ range }: Frame): void {
    this.#problems.error(
      range,
      "this `#;` comments out nothing",
      "it needs an S-expression after it",
    );
  }

  #reportEmpty(range: SourceRange): void {
    this.#problems.error(
      range,
      "there is no spec in this text",
      'a spec looks like `((from NAME) (run (shell "COMMAND")))`',
    );
  }
}

function frame(kind: Frame["kind"], range: SourceRange): Frame {
  return { kind, range, items: [], content: undefined };
}
