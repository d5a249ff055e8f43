/**
 * Bundles the command into a few files: Node takes longer to find and link 160 modules one by one than `vmbuild ls`
 * takes for its work. The library is left as modules, for its users' own tools.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig, type Plugin } from "rolldown";

/** Adds the licences of the packages that the bundle contains, as most of them ask for. */
function licences(): Plugin {
  return {
    name: "licences",
    generateBundle(_options, bundle) {
      const folders = new Set<string>();
      for (const output of Object.values(bundle)) {
        if (output.type !== "chunk") continue;
        for (const id of output.moduleIds) {
          const folder = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0];
          if (folder !== undefined) folders.add(folder);
        }
      }
      const texts = [...folders].sort().map((folder) => {
        const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name));
        const { name, version, license, author } = JSON.parse(
          readFileSync(join(folder, "package.json"), "utf8"),
        );
        const text =
          file === undefined
            ? `${license}, ${typeof author === "string" ? author : author?.name}`
            : readFileSync(join(folder, file), "utf8").trim();
        return `${name} ${version}\n\n${text}\n`;
      });
      const source = texts.join(`\n${"-".repeat(80)}\n\n`);
      this.emitFile({ type: "asset", fileName: "THIRD-PARTY-LICENCES.txt", source });
    },
  };
}

export default defineConfig({
  input: { main: "src/cli/main.ts" },
  platform: "node",
  // Its optional native parts are looked for beside its own files.
  external: ["ssh2"],
  transform: { target: "node20" },
  plugins: [licences()],
  // @iarna/toml looks for Node's inspect so, and does without it.
  checks: { eval: false },
  output: { dir: "dist/command", format: "esm" },
});
