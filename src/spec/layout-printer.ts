import { LayoutMeasure } from "./layout-measure.ts";
import type { DatumComment, SexpDocument, SexpElement, SexpList } from "./sexp.ts";

const lineWidth = 90;

/**
 * What a list is to its spec: a stage `((from …) …)` always has one line per item, and the lists in
 * `(build NAME …)` and the text itself are stages.
 */
type Role = "stage" | "directive" | "other";

/** Writes S-expressions by the rules of `formatSpec`. For one document; recursive, as depth is limited. */
export class LayoutPrinter {
  readonly #measure: LayoutMeasure;
  readonly #output: string[] = [];
  #column = 0;

  constructor(source: string) {
    this.#measure = new LayoutMeasure(source);
  }

  /** What was printed so far. */
  text(): string {
    return this.#output.join("");
  }

  /** Prints the S-expression and what stands around it, with a line feed at the end. */
  printDocument({ content }: SexpDocument): void {
    let before: SexpElement | undefined;
    for (const element of content) {
      if (before !== undefined) this.#separate(before, element, 0, 0);
      this.#print(element, "stage", 0);
      before = element;
    }
    this.#write("\n");
  }

  /** `closing` is how many parentheses follow on the same line. */
  #print(element: SexpElement, role: Role, closing: number): void {
    const room = lineWidth - this.#column - closing;
    if (!alwaysBroken(element, role) && this.#measure.flatWidth(element, room) <= room) {
      this.#write(this.#measure.flatText(element));
    } else if (element.kind === "list") {
      this.#printList(element, role, closing);
    } else if (element.kind === "datum-comment") {
      this.#printDatumComment(element, role, closing);
    } else {
      this.#write(this.#measure.lexeme(element));
    }
  }

  #printList(list: SexpList, role: Role, closing: number): void {
    this.#write("(");
    const indent = this.#column;
    const itemRole = roleOfItems(list, role);
    let before: SexpElement | undefined;
    for (const [index, element] of list.content.entries()) {
      const after = index === list.content.length - 1 ? closing + 1 : 0;
      if (index === 1 && isWord(before) && isWord(element)) this.#write(" ");
      else if (before !== undefined) this.#separate(before, element, indent, after);
      this.#print(element, itemRole, after);
      before = element;
    }
    if (before?.kind === "line-comment") this.#newLine(indent);
    this.#write(")");
  }

  #printDatumComment(comment: DatumComment, role: Role, closing: number): void {
    if (comment.before.length > 0) {
      this.#write(this.#measure.lexeme(comment));
      return;
    }
    this.#write("#;");
    this.#print(comment.datum, role, closing);
  }

  /** What stands between two elements of a list that is not on one line. */
  #separate(before: SexpElement, element: SexpElement, indent: number, closing: number): void {
    if (this.#followsOnLine(before, element, closing)) {
      this.#write(" ");
      return;
    }
    if (this.#measure.lineFeedsBetween(before, element) > 1) this.#write("\n");
    this.#newLine(indent);
  }

  #followsOnLine(before: SexpElement, element: SexpElement, closing: number): boolean {
    if (before.kind === "line-comment") return false;
    if (element.kind === "line-comment" || element.kind === "block-comment") {
      return this.#measure.lineFeedsBetween(before, element) === 0;
    }
    if (before.kind !== "atom" || element.kind !== "atom") return false;
    const room = lineWidth - this.#column - 1 - closing;
    return this.#measure.isOneLine(before) && this.#measure.flatWidth(element, room) <= room;
  }

  #newLine(indent: number): void {
    this.#write(`\n${" ".repeat(indent)}`);
  }

  #write(text: string): void {
    this.#output.push(text);
    const lineFeed = text.lastIndexOf("\n");
    this.#column = lineFeed === -1 ? this.#column + text.length : text.length - lineFeed - 1;
  }
}

/** Stages and builds, also those commented out. */
function alwaysBroken(element: SexpElement, role: Role): boolean {
  if (element.kind === "datum-comment") return alwaysBroken(element.datum, role);
  return element.kind === "list" && (role === "stage" || isBuild(element, role));
}

function isBuild({ items: [head] }: SexpList, role: Role): boolean {
  return role === "directive" && head?.kind === "atom" && head.text === "build";
}

function isWord(element: SexpElement | undefined): boolean {
  return element?.kind === "atom" && !element.quoted;
}

function roleOfItems(list: SexpList, role: Role): Role {
  if (role === "stage") return "directive";
  return isBuild(list, role) ? "stage" : "other";
}
