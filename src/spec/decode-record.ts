import { found, type Node, nodeOf } from "./decode-value.ts";
import { nearest, suggest } from "./did-you-mean.ts";
import { placeName } from "./line-and-column.ts";
import type { Problems } from "./problems.ts";
import { atomInMessage } from "./quote-atom.ts";
import type { Sexp } from "./sexp.ts";
import type { SourceRange } from "./source.ts";

/** What may stand in a directive of the form `(OWNER (FIELD …) …)`. */
export interface RecordShape {
  /** What messages call it: "`run`", "this cache". */
  readonly owner: string;
  readonly fields: readonly string[];
  /** Each required field with the hint to give when it is missing. */
  readonly required: Readonly<Record<string, string>>;
  /** How to write what people put in the place of a field: an atom or a list of fields. */
  readonly stray: (sexp: Sexp) => string | undefined;
}

/**
 * The fields of a record by name, in any order as OBuilder's derived readers take them.
 *
 * Unknown and repeated fields, other things than fields, and missing required fields (at `head`) are
 * errors. A field is not called missing when something else in the record was clearly meant to be it.
 */
export function readRecord(
  items: readonly Sexp[],
  head: SourceRange,
  shape: RecordShape,
  problems: Problems,
): ReadonlyMap<string, Node> {
  const fields = new Map<string, Node>();
  const misspelt = new Set<string | undefined>();
  let hasStray = false;
  for (const item of items) {
    const field = nodeOf(item);
    if (field === undefined) {
      hasStray = true;
      const message = `expected a field of ${shape.owner}, ${found(item)}`;
      problems.error(item.range, message, strayHint(item, shape));
    } else if (shape.fields.includes(field.name)) {
      addField(field, fields, problems);
    } else {
      misspelt.add(nearest(field.name, shape.fields));
      const message = `unknown field ${atomInMessage(field.name)} in ${shape.owner}`;
      problems.error(field.head.range, message, suggest(field.name, shape.fields));
    }
  }
  if (hasStray) return fields;
  for (const [name, hint] of Object.entries(shape.required)) {
    if (fields.has(name) || misspelt.has(name)) continue;
    problems.error(head, `missing field \`${name}\` in ${shape.owner}`, hint);
  }
  return fields;
}

function strayHint(item: Sexp, shape: RecordShape): string | undefined {
  const isField = item.kind === "atom" && shape.fields.includes(item.text);
  return isField ? `write \`(${item.text} …)\`` : shape.stray(item);
}

function addField(field: Node, fields: Map<string, Node>, problems: Problems): void {
  const earlier = fields.get(field.name);
  if (earlier === undefined) {
    fields.set(field.name, field);
    return;
  }
  const message = `field \`${field.name}\` is given twice`;
  const { start } = earlier.list.range;
  const hint = (): string => `the first is at ${placeName(problems.source.text, start)}`;
  problems.error(field.head.range, message, hint);
}
