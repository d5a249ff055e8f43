import { rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { builtMachine } from "./bare-qemu.mjs";
import { timed, vmbuild } from "./process.mjs";
import { limitRow, median, megabytes, ratioRow } from "./table.mjs";

const fillBytes = 250e6;
const threads = 8;
const zstd = ["-c", "-o", "compression_type=zstd", "-m", String(threads)];

/** Cloud images: a seed, a task in one, one made of another, a layer written for another host. */
export async function cloudImages(rig, runs) {
  return {
    rows: [...(await seeds(rig, runs)), ...(await tasks(rig)), ...(await images(rig, runs))],
  };
}

async function seeds(rig, runs) {
  writeFileSync(join(rig.dir, "user-data"), "#cloud-config\nruncmd:\n- [touch, /done]\n");
  const times = { seed: [], node: [] };
  // Short ones, more of them.
  for (let run = 0; run < 5 * runs; run++) {
    const argv = ["seed", "-o", "seed.iso", "--user-data", "user-data"];
    times.seed.push((await vmbuild(rig, argv)).ms);
    times.node.push((await timed([process.execPath, "-e", "0"])).ms);
  }
  const ms = median(times.seed);
  return [
    limitRow("a seed image", ms, 200),
    ratioRow("the same", ms, { label: "node -e 0", ms: median(times.node) }),
  ];
}

async function tasks(rig) {
  writeFileSync(join(rig.dir, "task"), "#!/bin/sh\necho ready\n");
  const argv = ["task", "--image", rig.base, "task"];
  // Makes the suspended machine.
  await vmbuild(rig, argv, { boot: "warm" });
  const times = { warm: [], cold: [] };
  for (let run = 0; run < rig.slowRuns; run++) {
    for (const boot of Object.keys(times)) times[boot].push(await firstOutput(rig, argv, boot));
  }
  const cold = { label: "--boot cold", ms: median(times.cold) };
  return [ratioRow("a task's first output", median(times.warm), cold, 8)];
}

async function firstOutput(rig, argv, boot) {
  const startedAt = performance.now();
  let ms;
  await vmbuild(rig, argv, { boot, onOutput: () => (ms ??= performance.now() - startedAt) });
  if (ms === undefined) throw new Error("the task printed nothing");
  return ms;
}

/** What is written for others, against `qemu-img convert` alone; the disk is synced before each. */
async function images(rig, runs) {
  const fill = `(run (shell "head -c ${fillBytes} /dev/urandom > /fill"))`;
  const { id, disk } = await builtMachine(rig, "cloud-images.spec", fill, rig.base);
  const local = join(rig.dir, "local.qcow2");
  await timed(["qemu-img", "convert", "-O", "qcow2", ...zstd, disk, local]);
  await describe(rig, local);
  const convert = ["qemu-img", "convert", "-O", "qcow2"];
  const ours = { generate: [], export: [], plain: [] };
  const theirs = { generate: [], export: [] };
  const memory = [];
  const flags = ["--compress", "zstd", "--threads", String(threads)];
  const commands = {
    generate: ["generate", "--overwrite", "--image-output-path", "out.qcow2"],
    export: ["export", id, "-o", "out.qcow2", ...flags],
    plain: ["export", id, "-o", "out.qcow2", ...flags, "--no-sums"],
  };
  const rivals = {
    generate: [...convert, local, "their.qcow2"],
    export: [...convert, ...zstd, disk, "their.qcow2"],
  };
  for (let run = 0; run < runs; run++) {
    for (const [name, argv] of Object.entries(commands)) {
      await timed(["sync"]);
      const { ms, maxRssBytes } = await vmbuild(rig, argv, { memory: true });
      ours[name].push(ms);
      memory.push(maxRssBytes);
      rmSync(join(rig.dir, "out.qcow2"));
    }
    for (const [name, argv] of Object.entries(rivals)) {
      await timed(["sync"]);
      theirs[name].push((await timed(argv, { cwd: rig.dir })).ms);
      rmSync(join(rig.dir, "their.qcow2"));
    }
  }
  const against = (what, name, rival, limit) => {
    const label = `qemu-img ${rivals[rival].slice(1, -2).join(" ")}`;
    const row = ratioRow(what, median(ours[name]), { label, ms: median(theirs[rival]) });
    return {
      ...row,
      target: String(limit),
      met: median(ours[name]) <= limit * median(theirs[rival]),
    };
  };
  const peak = Math.max(...memory);
  const size = megabytes(statSync(local).size);
  return [
    against(`generate of a local image of ${size}, with its sha512`, "generate", "generate", 1.2),
    against("a layer to compressed qcow2, with its sha256", "export", "export", 1.1),
    against("the same, --no-sums", "plain", "export", 1.1),
    { what: "memory of these", measured: megabytes(peak), target: "120 MB", met: peak <= 120e6 },
  ];
}

async function describe(rig, path) {
  const { stdout } = await timed(["sha512sum", path]);
  const { stdout: info } = await timed(["qemu-img", "info", "--output=json", path]);
  writeFileSync(
    join(rig.dir, "architecture.yml"),
    `owner: root
images:
  local:
    name: local
    input: { path: ${path}, checksum: { type: sha512, value: ${stdout.split(" ", 1)[0]} } }
    size: ${JSON.parse(info)["virtual-size"]}
`,
  );
}
