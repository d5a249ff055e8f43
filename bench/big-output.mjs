import { vmbuild } from "./process.mjs";
import { putSpec } from "./store.mjs";
import { megabytes, seconds } from "./table.mjs";

/** vmbuild's own memory while a step prints a gigabyte, half of it in one line. */
export async function bigOutput(rig) {
  const half = 512 * 1024 ** 2;
  const ops = `(run (shell "yes 'a line of output that is not very long' | head -c ${half}; head -c ${half} /dev/zero | tr '\\\\0' x"))`;
  const argv = ["build", "-f", putSpec(rig, "output.spec", ops), "--progress", "plain"];
  const { ms, maxRssBytes } = await vmbuild(rig, argv, {
    memory: true,
    timeout: 20 * 60_000,
  });
  const rows = [
    {
      what: `a step that prints 1 GB (in ${seconds(ms)}), memory`,
      measured: megabytes(maxRssBytes),
      target: "150 MB",
      met: maxRssBytes < 150e6,
    },
  ];
  return { rows };
}
