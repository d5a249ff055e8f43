/** Runs sources as programs of their own, on a Node that does not know TypeScript. */
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import ts from "typescript";

const projectDir = resolve(import.meta.dirname, "../..");

/** Transpiled sources; disposing removes them. */
export interface Transpiled extends AsyncDisposable {
  /** The program made of a source, by the source's path in the project. */
  program(source: string): string;
}

/** Transpiles every source in the given files and directories of the project, tests left out. */
export async function transpile(...sources: readonly string[]): Promise<Transpiled> {
  const dir = await mkdtemp(join(tmpdir(), "vmbuild-js-"));
  const target = (source: string) => join(dir, source.replace(/\.ts$/, ".js"));
  await writeFile(join(dir, "package.json"), '{ "type": "module" }');
  await symlink(join(projectDir, "node_modules"), join(dir, "node_modules"));
  for (const source of await sourceFiles(sources)) {
    const { outputText } = ts.transpileModule(await readFile(join(projectDir, source), "utf8"), {
      compilerOptions: {
        target: ts.ScriptTarget.ES2023,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
        rewriteRelativeImportExtensions: true,
      },
    });
    await mkdir(dirname(target(source)), { recursive: true });
    await writeFile(target(source), outputText);
  }
  return {
    program: target,
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
}

async function sourceFiles(sources: readonly string[]): Promise<readonly string[]> {
  const files: string[] = [];
  for (const source of sources) {
    if (source.endsWith(".ts")) {
      files.push(source);
      continue;
    }
    for (const entry of await readdir(join(projectDir, source), { withFileTypes: true })) {
      if (entry.isFile() && entry.name.endsWith(".ts") && !entry.name.endsWith(".test.ts")) {
        files.push(relative(projectDir, join(projectDir, source, entry.name)));
      }
    }
  }
  return files;
}
