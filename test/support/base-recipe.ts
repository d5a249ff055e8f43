import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildBase, type RecipeMedia } from "../../src/image/build-base.ts";
import { openStore } from "../../src/store/open-store.ts";
import { storeLayout } from "../../src/store/layout.ts";

/** A store of its own to make base images in, and a directory for what they are made of. */
export class RecipeRig implements AsyncDisposable {
  readonly dir: string;
  /** What recipes have said. */
  lines: readonly string[] = [];

  private constructor(dir: string) {
    this.dir = dir;
  }

  static async create(): Promise<RecipeRig> {
    return new RecipeRig(await mkdtemp(join(tmpdir(), "vmbuild-recipe-")));
  }

  /** Runs a recipe; gives what went wrong, if something did. */
  async build(name: string, media: RecipeMedia): Promise<unknown> {
    const root = join(this.dir, "store");
    const opened = await openStore(root);
    if (!opened.ok) throw new Error(JSON.stringify(opened.error));
    const lines: string[] = [];
    const built = await buildBase({
      layout: storeLayout(root),
      name,
      force: true,
      media,
      accelerator: "tcg",
      signal: new AbortController().signal,
      onLine: (line) => void lines.push(line),
    });
    this.lines = lines;
    return built.ok ? undefined : built.error;
  }

  /** The profile that a base image was given. */
  profile(name: string): Promise<string> {
    return readFile(join(this.dir, "store", "base-image", `${name}.toml`), "utf8");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.dir, { recursive: true, force: true });
  }
}
