import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where the recipes that come with vmbuild are, in a checkout and in the installed package alike. */
const recipesDir = fileURLToPath(new URL("../../base-images/", import.meta.url));

/** The script that makes a base image, or undefined when there is no such recipe. */
export async function recipeScript(name: string): Promise<string | undefined> {
  return (await recipeNames()).includes(name) ? join(recipesDir, name, "build.sh") : undefined;
}

/** Names of the recipes that come with vmbuild, sorted. */
export async function recipeNames(): Promise<readonly string[]> {
  const entries = await readdir(recipesDir, { withFileTypes: true }).catch(() => []);
  const names: string[] = [];
  for (const entry of entries) {
    const script = join(recipesDir, entry.name, "build.sh");
    const isRecipe =
      entry.isDirectory() && (await stat(script).catch(() => undefined))?.isFile() === true;
    if (isRecipe) names.push(entry.name);
  }
  return names.sort();
}
