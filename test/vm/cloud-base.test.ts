import { createHash } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { breakOff, giveFile, inTurn, serve } from "../support/file-server.ts";
import { hasBase, VmRig } from "../support/vm-rig.ts";

const name = "debian-12-genericcloud-amd64.qcow2";

/** A store that has Debian's disk, and neither its login nor its key. */
async function stranger(): Promise<{ rig: VmRig; disk: string }> {
  const rig = await VmRig.create({ base: "debian-12" });
  const profilePath = join(rig.store, "base-image/debian-12.toml");
  const path = /^disk = "(.*)"$/m.exec(await readFile(profilePath, "utf8"))?.[1] ?? "";
  await rm(join(rig.store, "state/ssh"), { recursive: true });
  return { rig, disk: join(dirname(profilePath), path) };
}

test("a cloud image becomes a base image: got in two pieces behind a redirect, configured, built on", async (context) => {
  if (!(await hasBase("debian-12"))) context.skip("there is no base image debian-12");
  const { rig, disk } = await stranger();
  await using _ = rig;
  const image = await readFile(disk);
  const sha512 = createHash("sha512").update(image).digest("hex");
  const gives = inTurn(breakOff(image, 1_000_000), giveFile(image));
  await using server = await serve((request, response) => {
    if (request.url === "/SHA512SUMS") response.end(`${sha512}  ${name}\n`);
    else if (request.url === `/mirror/${name}`) gives(request, response);
    else response.writeHead(302, { location: `/mirror/${name}` }).end();
  });
  const url = `${server.url}/${name}`;
  const made = await rig.run(["base", "build", "debian-12-cloud", "--url", url]);
  expect(made.exitCode, made.stderr).toBe(0);
  expect(made.stdout).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(made.stderr).not.toContain("warning");
  expect(server.requests.at(-1)).toMatch(/^GET \/mirror\/.* bytes=[1-9]\d*-$/);
  expect(await rig.entries("result-tmp")).toEqual([]);

  const id = await rig.built(
    `(run (shell "id -un; test $(df --output=size -BG / | tail -1 | tr -dc 0-9) -ge 19 && echo grown"))
     (run (shell "getent passwd 1000 || echo nobody; systemctl is-enabled man-db.timer; cloud-init status --wait"))`,
    [],
    "debian-12-cloud",
  );
  expect(await rig.log(id)).toContain("nobody\n");
  expect(await rig.machines()).toEqual([]);
});
