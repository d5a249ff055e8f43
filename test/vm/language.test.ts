import { createServer } from "node:net";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { quoteAtom } from "../../src/spec/quote-atom.ts";
import { awkwardTexts, dumpScript, hexOf, textOf } from "../support/guest-bytes.ts";
import { VmRig } from "../support/vm-rig.ts";

/** Every character of ASCII that a file's name may be, by itself, and the awkward texts. */
const awkwardNames = new Set([
  ...Array.from({ length: 127 }, (_, index) => String.fromCharCode(index + 1)).filter(
    (name) => name !== "/" && name !== ".",
  ),
  ...awkwardTexts,
  "...",
  "n".repeat(255),
]);

describe.each(["warm", "cold"])("in a %s build", (boot) => {
  test("env, workdir, shell, command, and the names and places of files reach the guest unchanged", async () => {
    await using rig = await VmRig.create();
    await rig.put("context/dump", dumpScript, 0o755);
    await mkdir(join(rig.dir, "context/files"));
    for (const name of awkwardNames) await writeFile(join(rig.dir, "context/files", name), name);
    for (const [index, text] of awkwardTexts.entries()) {
      await symlink(text, join(rig.dir, `context/files/link-${index}`));
    }
    // What cannot be copied, and what must not be, is left out by either way.
    const server = createServer().listen(join(rig.dir, "context/files/socket"));
    await rig.put("context/files/excluded", "x");
    await rig.put("context/files/deep/excluded/x", "x");
    await rig.put("context/.vmbuildignore", "socket\nignored\n");
    await rig.put("context/ignored/x", "x");

    const place = `/at/${awkwardTexts.join("/")}`;
    const env = awkwardTexts.map((text, index) => `(env V${index} ${quoteAtom(text)})`).join("\n");
    const shell = ["/src/dump", "", ...awkwardTexts].map(quoteAtom).join(" ");
    const id = await rig.built(
      `(copy (src .) (dst /src) (exclude excluded))
       (copy (src files/link-0 dump) (dst ${quoteAtom(`${place}/`)}))
       (workdir ${quoteAtom(place)})
       (env EMPTY "")
       ${env}
       (shell ${shell})
       (run (shell ${quoteAtom(awkwardTexts.join("\n"))}))
       (shell /bin/sh -c)
       (run (shell "ls -A | od -A n -v -t x1 | tr -d ' \\\\n'; echo
         cd /src && find . ! -type d -print0 | od -A n -v -t x1 | tr -d ' \\\\n'; echo
         cd files && for file in * .*; do [ ! -f \\"./$file\\" ] || [ -L \\"./$file\\" ] || [ \\"$(cat \\"./$file\\"; echo .)\\" = \\"$file.\\" ] || echo \\"wrong: $file\\"; done
         n=0; while [ $n -lt ${awkwardTexts.length} ]; do readlink link-$n | od -A n -v -t x1 | tr -d ' \\\\n'; echo; n=$((n+1)); done"))`,
      ["--boot", boot, "context"],
    );
    server.close();
    const [there = "", files = "", ...links] = (await rig.log(id)).split("\n");
    expect(textOf(there)).toBe("dump\nlink-0\n");
    const copied = textOf(files)
      .split("\0")
      .filter((name) => name !== "");
    const expected = [...awkwardNames, ...awkwardTexts.map((_, index) => `link-${index}`)];
    expect(copied.sort()).toEqual(["./dump", ...expected.map((name) => `./files/${name}`)].sort());
    expect(links.filter((line) => line.startsWith("wrong"))).toEqual([]);
    expect(links.map(textOf)).toEqual(awkwardTexts.map((text) => `${text}\n`));

    const parent = JSON.parse((await rig.run(["show", "--json", id])).stdout) as { parent: string };
    const dumped = (await rig.log(parent.parent)).split("\n");
    const argv = ["", ...awkwardTexts, awkwardTexts.join("\n")];
    expect(dumped.slice(0, argv.length).map(textOf)).toEqual(argv);
    expect(dumped.slice(argv.length, argv.length + 2)).toEqual(["pwd", hexOf(`${place}\n`)]);
    const environment = `\n${textOf(dumped.at(-1) ?? "")}`;
    for (const [index, text] of awkwardTexts.entries()) {
      expect(environment).toContain(`\nV${index}=${text}\n`);
    }
    expect(environment).toContain("\nEMPTY=\n");
  });
});
