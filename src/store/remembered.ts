/**
 * Small JSON documents the store remembers to save work, `state/<name>.json`.
 *
 * Losing one costs only time, so they are replaced in one step but not synced, and whatever cannot be
 * read or does not validate is as good as absent.
 */
import type { Result } from "../result.ts";
import { replaceFile } from "./durable.ts";
import type { StoreFailure } from "./failure.ts";
import { attempt } from "./fs-failure.ts";
import { readJson } from "./json.ts";
import { storeLayout } from "./layout.ts";

/**
 * The document `name` of the store at `root`; `validate` gives the value it stands for, or undefined
 * when it is not one. Never fails.
 */
export async function loadState<T>(
  root: string,
  name: string,
  validate: (value: unknown) => T | undefined,
): Promise<T | undefined> {
  try {
    return validate(await readJson(storeLayout(root).state(name)));
  } catch {
    return undefined;
  }
}

/** Replaces the document `name` by `value`, which must be JSON-serialisable. The last writer wins. */
export async function saveState(
  root: string,
  name: string,
  value: unknown,
): Promise<Result<void, StoreFailure>> {
  const layout = storeLayout(root);
  const path = layout.state(name);
  return attempt(path, () => replaceFile(layout, path, `${JSON.stringify(value, undefined, 1)}\n`));
}
