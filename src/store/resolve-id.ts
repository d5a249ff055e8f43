/** What a user means by an id, the beginning of one, or a tag. */
import { readdir } from "node:fs/promises";
import { distance } from "fastest-levenshtein";
import type { StepId } from "../plan/step.ts";
import { failed, ok, type Result } from "../result.ts";
import type { StoreFailure } from "./failure.ts";
import { isStepId, readLayer } from "./layer-file.ts";
import type { StoreLayout } from "./layout.ts";
import { looksLikeId, readTag, readTags } from "./tags.ts";

const MAX_SUGGESTIONS = 5;

/** The id of a promoted layer; a tag never looks like an id, so there is no question which is meant. */
export async function resolveId(
  layout: StoreLayout,
  text: string,
): Promise<Result<StepId, StoreFailure>> {
  if (looksLikeId(text)) {
    const prefix = text.toLowerCase();
    const ids = (await readdir(layout.resultDir)).filter(isStepId);
    const layers = await Promise.all(
      ids.filter((id) => id.startsWith(prefix)).map((id) => readLayer(layout, id)),
    );
    const matches = layers.flatMap((layer) => (layer === undefined ? [] : [layer.id])).sort();
    const [only] = matches;
    if (only !== undefined && matches.length === 1) {
      return ok(only);
    }
    return matches.length > 1
      ? failed({ reason: "id-ambiguous", text, matches })
      : failed({ reason: "id-unknown", text, suggestions: nearest(prefix, ids) });
  }
  const id = await readTag(layout, text);
  if (id !== undefined) {
    return (await readLayer(layout, id)) === undefined
      ? failed({ reason: "layer-missing", id })
      : ok(id);
  }
  const names = (await readTags(layout)).map(({ name }) => name);
  return failed({ reason: "id-unknown", text, suggestions: nearest(text, names) });
}

/** The candidates that begin like `text`, up to a slip or two. */
function nearest(text: string, candidates: readonly string[]): readonly string[] {
  const limit = text.length < 4 ? 1 : 2;
  return candidates
    .map((candidate) => ({
      candidate,
      slips: Math.min(distance(text, candidate), distance(text, candidate.slice(0, text.length))),
    }))
    .filter(({ slips }) => slips <= limit)
    .sort((a, b) => a.slips - b.slips || a.candidate.localeCompare(b.candidate))
    .slice(0, MAX_SUGGESTIONS)
    .map(({ candidate }) => candidate);
}
