import { expect, test } from "vitest";
import { VmRig } from "../support/vm-rig.ts";

/** What each step of a build printed, by the number of the step. */
function printed(text: string): ReadonlyMap<number, readonly string[]> {
  const lines = new Map<number, string[]>();
  for (const [, step, line] of text.matchAll(/^\[(\d+)\/\d+\] \| (.*)$/gm)) {
    lines.set(Number(step), [...(lines.get(Number(step)) ?? []), line ?? ""]);
  }
  return lines;
}

test.each(["busybox", "debian-12"])(
  "on %s a step is its user's, and so is what it copies",
  async (base) => {
    await using rig = await VmRig.create({ base, cpus: 1 });
    await rig.put("mine/file", "mine");
    await rig.put("secret", "hunter22");
    const who = `id -u; id -g; id -G; echo $HOME $USER; rm -f /tmp/$(id -u); touch /tmp/$(id -u); stat -c %u:%g /tmp/$(id -u)`;
    const ran = await rig.build(
      `(run (shell "echo 'worker:x:4000:4000::/home/worker:/bin/sh' >>/etc/passwd; echo 'worker:x:4000:' >>/etc/group; echo 'extra:x:7777:worker' >>/etc/group"))
     (user (uid 4321) (gid 8765))
     (copy (src mine) (dst /opt/unknown/))
     (run (shell "${who}; stat -c %u:%g /opt /opt/unknown /opt/unknown/mine /opt/unknown/mine/file"))
     (user (uid 4000) (gid 5555))
     (run (shell "${who}"))
     (user (name worker))
     (copy (src mine) (dst /opt/worker/))
     (run (cache (c (target /c))) (secrets (k (target /run/secrets/k)) (in (target /c/in/k)))
      (shell "id -un; ${who}; stat -c %u:%g /opt/worker /opt/worker/mine/file; stat -c '%a %u:%g' /run/secrets/k /c/in/k; cat /c/in/k"))
     (user (uid 0) (gid 0))
     (run (cache (c (target /c))) (shell "ls -A /c; ls -d /run/secrets /.vmbuild/secrets 2>/dev/null; grep -c vmbuild-secrets /proc/mounts; true"))`,
      ["--secret", "k:secret", "--secret", "in:secret", "--boot-timeout", "8m"],
    );
    expect(ran.exitCode, ran.stderr).toBe(0);
    const lines = printed(ran.stderr);
    expect(lines.get(4)).toEqual([
      "4321",
      "8765",
      "8765",
      "/ 4321",
      "4321:8765",
      "0:0",
      "4321:8765",
      "4321:8765",
      "4321:8765",
    ]);
    const withOtherGroup = lines.get(5) ?? [];
    expect(withOtherGroup.slice(0, 2)).toEqual(["4000", "5555"]);
    expect(withOtherGroup[2]?.split(" ")).toEqual(expect.arrayContaining(["5555", "7777"]));
    expect(withOtherGroup.slice(3)).toEqual(["/home/worker worker", "4000:5555"]);
    const byName = lines.get(7) ?? [];
    expect(byName.slice(0, 3)).toEqual(["worker", "4000", "4000"]);
    expect(byName[3]?.split(" ").sort()).toEqual(["4000", "7777"]);
    expect(byName.slice(4)).toEqual([
      "/home/worker worker",
      "4000:4000",
      "4000:4000",
      "4000:4000",
      "400 4000:4000",
      "400 4000:4000",
      "***",
    ]);
    expect(lines.get(8)).toEqual(["0"]);
  },
  900_000,
);
