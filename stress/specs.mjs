/**
 * Random specs whose result can be told beforehand: every piece appends a number to a file of the guest's, and
 * the last step compares the file with what the pieces should have left. Specs begin as others do, so that their
 * builds share layers.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

const caches = ["stress-a", "stress-b"];
/** A cache holds numbers, one a line; a line that is half written or of a torn disk is none. */
const cacheIsWhole = "! grep -qv '^[0-9][0-9]*$' /c/seen 2>/dev/null";

/** How a piece of a spec is written; each leaves `n` in /numbers. */
const kinds = {
  number: (n) => run(`echo ${n} >> /numbers`),
  cache: (n, random) =>
    `(run (cache (${random.pick(caches)} (target /c))) (shell "${cacheIsWhole} && echo ${n} >> /c/seen && echo ${n} >> /numbers"))`,
  copy: (n) =>
    `(copy (src ${fileOf(n)}) (dst /copied/))\n ${run(`cat /copied/${fileOf(n)} >> /numbers`)}`,
  bulk: (n) =>
    run(
      `yes ${n} | head -c 400000 > /bulk-${n}; md5sum /bulk-${n} >> /sums; echo ${n} >> /numbers`,
    ),
  reboot: (n) => `${run(`echo ${n} >> /numbers`)}\n (reboot)`,
};
const weighted = [
  "number",
  "number",
  "number",
  "number",
  "cache",
  "cache",
  "copy",
  "bulk",
  "reboot",
];

/** `count` specs in `dir`, which becomes their build context too. Gives `{ name, expected }` of each. */
export function writeSpecs(dir, count, random, { growBytes = 0 } = {}) {
  const specs = [];
  let next = 1;
  for (let index = 0; index < count; index++) {
    const model = specs.length > 0 && random.chance(0.8) ? random.pick(specs) : undefined;
    const pieces =
      model === undefined ? [] : model.pieces.slice(0, random.int(1, model.pieces.length));
    for (let left = random.int(1, 3); left > 0; left--, next++) {
      const kind = random.pick(weighted);
      const grow =
        growBytes === 0 ? "" : `\n ${run(`head -c ${growBytes} /dev/urandom > /big-${next}`)}`;
      pieces.push({ n: next, text: kinds[kind](next, random) + grow });
      if (kind === "copy") writeFileSync(join(dir, fileOf(next)), `${next}\n`);
    }
    const expected = pieces.map(({ n }) => `${n}`).join("\n");
    const check = `[ ! -e /sums ] || md5sum -c -s /sums; echo '${expected.replaceAll("\n", " ")}' | tr ' ' '\\\\n' | cmp - /numbers && cat /numbers`;
    const name = `${index}.spec`;
    const texts = [...pieces.map(({ text }) => text), run(`set -e; ${check}`)];
    writeFileSync(join(dir, name), `((from busybox)\n ${texts.join("\n ")})\n`);
    specs.push({ name, pieces, expected });
  }
  return specs;
}

function run(command) {
  return `(run (shell "${command}"))`;
}

function fileOf(n) {
  return `number-${n}`;
}
