import { describe, expect, test } from "vitest";
import { transports, VmRig } from "../support/vm-rig.ts";

describe.each(transports)("by %s", (transport) => {
  test("two caches used by two steps keep everything tar keeps, and no layer contains them", async () => {
    await using rig = await VmRig.create({ transport });
    const caches = `(cache (one (target /caches/one)) (two (target /srv/two)))`;
    const fill = `
      (run (shell "mkdir /srv/two && echo original > /srv/two/original && chmod 750 /srv/two"))
      (run ${caches} (shell "
        [ ! -e /srv/two/original ] || exit 9
        cd /caches/one && mkdir -p empty 'a b' && echo data > 'a b/file' && chmod 640 'a b/file'
        chown 1000:1000 'a b/file' && ln -s 'a b/file' link && ln 'a b/file' hard && chmod 2711 empty
        echo two > /srv/two/file"))`;
    await rig.built(fill);
    const id = await rig.built(`${fill}
      (run ${caches} (shell "
        cd /caches/one && cat link hard && stat -c '%n %a %u:%g %F' 'a b/file' link empty
        cat /srv/two/file; ls /srv/two"))
      (run (shell "ls -la / | grep -c -e caches -e vmbuild; stat -c '%a' /srv/two; ls /srv/two; cat /srv/two/original"))`);
    const logs = (await rig.run(["build", "-f", "test.spec"])).stderr;
    for (const line of [
      "| data",
      "| a b/file 640 1000:1000 regular file",
      "| link 777 0:0 symbolic link",
      "| empty 2711 0:0 directory",
      "| two",
    ]) {
      expect(logs).toContain(line);
    }
    expect(await rig.log(id)).toBe("0\n750\noriginal\noriginal");
    expect((await rig.run(["cache", "ls"])).stdout).toMatch(/one .*\n.*two /);
  });

  test("a fresh cache belongs to the step's user, and a failed command's cache is kept", async () => {
    await using rig = await VmRig.create({ transport });
    const failing = await rig.build(`
      (user (uid 1000) (gid 1000))
      (run (cache (mine (target /home/builder/cache))) (shell "echo kept > ~/cache/file; exit 4"))`);
    expect(failing.exitCode, failing.stderr).toBe(1);
    expect(failing.stderr).toContain("the command exited with status 4");
    const id = await rig.built(
      `(run (cache (mine (target /c))) (shell "cat /c/file; stat -c %u /c"))`,
    );
    expect(await rig.log(id)).toBe("kept\n1000");
  });

  test("one cache target inside another is possible", async () => {
    await using rig = await VmRig.create({ transport });
    const mounts = `(cache (inner (target /c/in)) (outer (target /c)))`;
    await rig.built(`(run ${mounts} (shell "echo o > /c/o; echo i > /c/in/i"))`);
    const id = await rig.built(`(run ${mounts} (shell "find /c -type f | sort"))
      (run (cache (outer (target /c))) (shell "find /c; ls -d /c/in 2>&1 | grep -c 'No such'"))
      (run (shell "[ ! -e /c ] && echo gone"))`);
    expect(await rig.log(id)).toBe("gone");
    const { stderr } = await rig.run(["build", "-f", "test.spec"]);
    expect(stderr).toContain("| /c/in/i\n");
    expect(stderr).toContain("| /c/o\n");
    expect(stderr).toContain("| 1\n");
  });

  test("a process that a step leaves in a cache does not keep it", async () => {
    await using rig = await VmRig.create({ transport });
    const cache = `(cache (held (target /held)))`;
    const hold = `(run ${cache} (shell "cd /held && echo held > file && (setsid sleep 999 < file &)
      mkdir /other && mount -o bind /held /other && cd /other && (setsid sleep 999 &)"))`;
    const id = await rig.built(`${hold} (run ${cache} (shell "cat /held/file"))`);
    expect(await rig.log(id)).toBe("held");
    const { stderr } = await rig.run(["build", "-v", "-f", "test.spec"]);
    expect(stderr).not.toContain("warning");
  });
});
