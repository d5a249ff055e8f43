import { build, usedBase } from "./build.mjs";
import { median, ratioRow, seconds } from "./table.mjs";

const sizes = [30, 300];
const cached = (mb, command) => `(run (cache (bulk${mb} (target /bulk))) (shell "${command}"))`;

/** What a cache adds to a step that changes one file of it: in, and out again. */
export async function bulkCache(rig) {
  await usedBase(rig);
  for (const mb of sizes) {
    const fill = `head -c ${mb}M /dev/urandom | split -b 1M -a 3 - /bulk/part-`;
    await build(rig, cached(mb, fill));
  }
  const times = new Map([0, ...sizes].map((mb) => [mb, []]));
  for (let run = 0; run < rig.slowRuns; run++) {
    for (const [mb, list] of times) {
      await usedBase(rig);
      const ops =
        mb === 0 ? `(run (shell "echo ${run}"))` : cached(mb, `echo ${run} > /bulk/stamp`);
      list.push((await build(rig, ops)).ms);
    }
  }
  const without = median(times.get(0));
  const [small, big] = sizes.map((mb) => median(times.get(mb)) - without);
  const [smallMb, bigMb] = sizes;
  return {
    rows: [
      {
        ...ratioRow(`a cache of ${bigMb} MB in and out, added`, big, {
          label: `${smallMb} MB, added`,
          ms: small,
        }),
        target: "2 s",
        met: big <= 2000,
      },
      { what: "the same step without a cache", measured: seconds(without) },
    ],
    charts: [
      {
        title: "Added by a cache, in and out",
        bars: [
          { label: `${smallMb} MB`, ms: small, ours: true },
          { label: `${bigMb} MB`, ms: big, ours: true },
        ],
      },
    ],
  };
}
