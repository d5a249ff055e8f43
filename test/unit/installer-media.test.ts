/**
 * What the recipes that install a system put onto their media. In QEMU's place is a script that looks at them, says
 * on the serial port that the installation is done, and leaves something on the disk.
 */
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { RecipeRig } from "../support/base-recipe.ts";
import { makeIso, openbsdMedia, windowsMedia } from "../support/installer-media.ts";
import { findProgram } from "../support/shell-session.ts";

const needed = ["xorriso", "xmllint", "busybox", "unshare", "qemu-img"];
const missing = needed.filter((name) => findProgram(name) === undefined);

const standIn = `#!/bin/sh
printf '%s\\n' "$@" >"$STAND_IN_OUT/argv"
for argument; do
    case $argument in
    file,id=serial0,path=*) serial=\${argument#*path=} ;;
    *node-name=system,*) disk=\${argument##*filename=} ;;
    *node-name=answers,*) cp "\${argument##*filename=}" "$STAND_IN_OUT/answers.iso" ;;
    *,tftp=*)
        tftp=\${argument#*tftp=}
        cp -R "\${tftp%%,*}" "$STAND_IN_OUT/tftp"
        for file in install.conf disklabel pub/OpenBSD/7.9/amd64/index.txt pub/OpenBSD/7.9/amd64/site79.tgz; do
            busybox wget -q -O "$STAND_IN_OUT/\${file##*/}" "http://127.0.0.1/$file" || exit 9
        done ;;
    esac
done
printf x | dd of="$disk" conv=notrunc status=none
echo 'vmbuild-install: done' >"$serial"
`;

afterEach(() => {
  vi.unstubAllEnvs();
});

beforeEach((context) => {
  if (missing.length > 0) context.skip(`this host has no ${missing.join(", no ")}`);
});

/** Makes a base image with the stand-in, and gives the directory with what it has seen. */
async function install(
  rig: RecipeRig,
  name: string,
  media: Parameters<RecipeRig["build"]>[1],
): Promise<string> {
  const bin = join(rig.dir, "bin");
  const out = join(rig.dir, "seen");
  await mkdir(bin);
  await mkdir(out);
  await writeFile(join(bin, "qemu-system-x86_64"), standIn);
  await chmod(join(bin, "qemu-system-x86_64"), 0o755);
  vi.stubEnv("PATH", `${bin}${delimiter}${process.env["PATH"]}`);
  vi.stubEnv("STAND_IN_OUT", out);
  expect(await rig.build(name, media), rig.lines.join("\n")).toBe(undefined);
  return out;
}

async function unpackIso(iso: string, dir: string): Promise<string[]> {
  await execa("xorriso", ["-osirrox", "on", "-indev", `stdio:${iso}`, "-extract", "/", dir]);
  return (await readdir(dir, { recursive: true })).sort();
}

/** An element of an XML document without attributes: its name and its children, or its text. */
interface Element {
  readonly name: string;
  readonly children: readonly Element[];
  readonly text: string;
}

/** Reads XML that xmllint has found well-formed. */
function readXml(xml: string): Element {
  const root: { name: string; children: Element[]; text: string } = {
    name: "",
    children: [],
    text: "",
  };
  const open = [root];
  for (const [, comment, end, name, text] of xml.matchAll(
    /(<!--[\s\S]*?-->|<\?[\s\S]*?\?>)|<(\/?)([A-Za-z]+)[^>]*>|([^<]+)/g,
  )) {
    const parent = open.at(-1);
    if (comment !== undefined || parent === undefined) continue;
    if (text !== undefined) parent.text += text.trim();
    else if (end === "/") open.pop();
    else {
      const element = { name: name ?? "", children: [], text: "" };
      parent.children.push(element);
      open.push(element);
    }
  }
  return root.children[0] as Element;
}

function* everyElement(element: Element): Generator<Element> {
  yield element;
  for (const child of element.children) yield* everyElement(child);
}

/** Well-formed, in the documented order, and with nothing left to be filled in. */
async function checkAnswers(medium: string) {
  const answers = join(medium, "autounattend.xml");
  await execa("xmllint", ["--noout", answers]);
  const xml = await readFile(answers, "utf8");
  expect(xml).not.toMatch(/@[A-Z]+@/);
  const passes = [...xml.matchAll(/<settings pass="(\w+)">/g)].map(([, pass]) => pass);
  expect(passes).toEqual(["windowsPE", "offlineServicing", "specialize", "oobeSystem"]);
  const elements = [...everyElement(readXml(xml))];
  for (const { name, children } of elements) {
    const names = children.map((child) => child.name);
    expect(names, name).toEqual(names.toSorted());
    const orders = children.flatMap((child) =>
      child.children.filter((one) => one.name === "Order").map((one) => Number(one.text)),
    );
    expect(orders, name).toEqual(orders.map((_, index) => index + 1));
  }
  const command = elements.find(({ name }) => name === "CommandLine")?.text ?? "";
  expect(command).toContain("setup.ps1");
  // What Windows Setup takes.
  expect(command.length).toBeLessThan(1024);
  const values = elements.filter(({ name }) => name === "Value").map(({ text }) => text);
  const [password = "", ...others] = new Set(values.filter((text) => text.startsWith("Vm1-")));
  expect(password).toMatch(/^Vm1-[A-Za-z0-9]{40}$/);
  expect(others).toEqual([]);
  const components = [...xml.matchAll(/<component name="(.+?)" processor/g)].map(
    ([, name]) => name,
  );
  return { components, password };
}

const program = Buffer.alloc(2048, "what starts from the medium");

describe("windows-server-2022", { timeout: 120_000 }, () => {
  const passwords = new Set<string>();

  test("its medium has the answers, the keys, and the drivers", async () => {
    await using rig = await RecipeRig.create();
    const seen = await install(rig, "windows-server-2022", await windowsMedia(rig.dir, program));
    const medium = join(rig.dir, "medium");
    expect(await unpackIso(join(seen, "answers.iso"), medium)).toEqual([
      "authorized_keys",
      "autounattend.xml",
      "drivers",
      ...["NetKVM", "vioscsi", "viostor"].flatMap((name) => [
        `drivers/${name}`,
        `drivers/${name}/${name.toLowerCase()}.inf`,
      ]),
      "setup.ps1",
      "ssh_host_ed25519_key",
      "sshd_config",
    ]);
    expect(await readFile(join(medium, "authorized_keys"), "utf8")).toMatch(/^ssh-ed25519 \S+\n$/);
    const shown = await execa("ssh-keygen", ["-y", "-f", await privateKey(medium)]);
    const profile = await rig.profile("windows-server-2022");
    expect(profile).toContain(`host-key = "${shown.stdout.trim()}"`);
    expect(profile).toContain('disk-bus = "virtio"');
    expect(profile).toContain('boot = "cold"');
    const argv = await readFile(join(seen, "argv"), "utf8");
    expect(argv).toContain("windows,, server.iso");
    expect(argv).toContain("\nvirtio-blk-pci,drive=system,bootindex=0\n");
    const { components, password } = await checkAnswers(medium);
    expect(components).toContain("Microsoft-Windows-PnpCustomizationsWinPE");
    passwords.add(password);
  });

  test("without drivers the disk is one that Windows knows", async () => {
    await using rig = await RecipeRig.create();
    const { iso } = await windowsMedia(rig.dir, program);
    const seen = await install(rig, "windows-server-2022", { iso });
    const medium = join(rig.dir, "medium");
    expect(await unpackIso(join(seen, "answers.iso"), medium)).not.toContain("drivers");
    const { components, password } = await checkAnswers(medium);
    expect(components).not.toContain("Microsoft-Windows-PnpCustomizationsWinPE");
    passwords.add(password);
    expect(await rig.profile("windows-server-2022")).toContain('disk-bus = "sata"');
    expect(await readFile(join(seen, "argv"), "utf8")).toContain(
      "\nide-hd,bus=sata0.0,drive=system",
    );
    // Every image has a password of its own.
    expect(passwords.size).toBe(2);
  });

  test("says what it needs and where that is to be had", async () => {
    await using rig = await RecipeRig.create();
    expect(await rig.build("windows-server-2022", {})).toMatchObject({ reason: "recipe-failed" });
    expect(rig.lines).toEqual([
      "error: this needs the installation ISO of Windows Server 2022, in English: hand it in with --iso FILE (or VMBUILD_ISO); it is to be had from https://www.microsoft.com/evalcenter/ or your volume licence",
    ]);
    await rig.build("windows-server-2022", { iso: join(rig.dir, "none.iso") });
    expect(rig.lines.at(-1)).toBe(`error: --iso ${rig.dir}/none.iso is no file that can be read`);
    const iso = await makeIso(join(rig.dir, "data.iso"), { "a.txt": "a" });
    await rig.build("windows-server-2022", { iso });
    expect(rig.lines.at(-1)).toBe(
      `error: ${iso} is no ISO image that a PC starts from; give the installation ISO of Windows Server 2022`,
    );
    const windows = await windowsMedia(rig.dir, program);
    await rig.build("windows-server-2022", { iso: windows.iso, drivers: iso });
    expect(rig.lines.at(-1)).toBe(`error: ${iso} has no /viostor/2k22/amd64`);
  });
});

describe("openbsd", { timeout: 120_000 }, () => {
  test("serves the answers, the sets and the boot loader", async () => {
    await using rig = await RecipeRig.create();
    const seen = await install(rig, "openbsd", await openbsdMedia(rig.dir, program));
    const loader = await readFile(join(seen, "tftp", "auto_install"));
    expect(loader.equals(program)).toBe(true);
    expect(await readFile(join(seen, "tftp", "bsd.rd"), "utf8")).toBe("kernel with a RAM disk");
    expect(await readFile(join(seen, "tftp", "etc", "boot.conf"), "utf8")).toContain(
      "boot tftp:/bsd.rd",
    );
    const index = await readFile(join(seen, "index.txt"), "utf8");
    const sets = index
      .trim()
      .split("\n")
      .map((line) => line.replace(/^.* /, ""));
    expect(sets.slice(1)).toEqual([
      "INSTALL.amd64",
      "SHA256",
      "base79.tgz",
      "bsd",
      "bsd.rd",
      "site79.tgz",
    ]);
    const listed = await execa("tar", ["-tvzf", join(seen, "site79.tgz"), "--numeric-owner"]);
    expect(listed.stdout.split("\n").map((line) => line.replace(/ +\d+ \S+ \S+ /, " "))).toEqual([
      "-rw------- 0/0 ./etc/ssh/ssh_host_ed25519_key",
      "-rwxr-xr-x 0/0 ./install.site",
      "-rw------- 0/0 ./root/.ssh/authorized_keys",
    ]);
    const profile = await rig.profile("openbsd");
    expect(profile).toContain('os = "openbsd"');
    expect(profile).toContain('become = "none"');

    // The answers are ones that the installer finds, each once.
    const answers = (await readFile(join(seen, "install.conf"), "utf8"))
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));
    const pairs = answers.map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at).trim(), line.slice(at + 1).trim()] as const;
    });
    expect(pairs.every(([question, answer]) => question !== "" && answer !== "")).toBe(true);
    for (const [question, answer] of installerQuestions) {
      const matching = pairs.filter(([key]) => asks(question, key));
      expect(
        matching.map(([, value]) => value),
        question,
      ).toEqual([answer]);
    }
    expect(pairs).toHaveLength(installerQuestions.length);
    expect(answers.join("\n")).not.toMatch(/@[A-Z]+@/);
  });

  test("says what it needs", async () => {
    await using rig = await RecipeRig.create();
    await rig.build("openbsd", {});
    expect(rig.lines.at(-1)).toContain("the installation ISO of OpenBSD for amd64 (installXX.iso)");
    const iso = await makeIso(join(rig.dir, "data.iso"), { "a.txt": "a" });
    await rig.build("openbsd", { iso });
    expect(rig.lines.at(-1)).toContain("is no installation ISO of OpenBSD for amd64");
    const image = join(rig.dir, "install79.img");
    await writeFile(image, Buffer.alloc(4096));
    await rig.build("openbsd", { iso: image });
    expect(rig.lines.at(-1)).toContain("give installXY.iso, not the .img");
  });
});

/**
 * Questions as the installer of OpenBSD asks them (7.x), with the answer that each must get. Others have defaults.
 */
const installerQuestions: readonly (readonly [question: string, answer: string])[] = [
  ["System hostname? (short form, e.g. 'foo')", "openbsd"],
  ["Password for root account?", "*************"],
  ["Start sshd(8) by default?", "yes"],
  ["Do you want the X Window System to be started by xenodm(1)?", "no"],
  ["Change the default console to com0?", "yes"],
  ["Which speed should com0 use?", "115200"],
  ["Setup a user? (enter a lower-case loginname, or 'no')", "no"],
  ["Allow root ssh login? (yes, no, prohibit-password)", "prohibit-password"],
  ["What timezone are you in? ('?' for list)", "UTC"],
  ["URL to autopartitioning template for disklabel?", "http://10.0.2.2/disklabel"],
  ["Location of sets? (disk http nfs or 'done')", "http"],
  ["HTTP proxy URL? (e.g. 'http://proxy:8080', or 'none')", "none"],
  ["HTTP Server? (hostname, list#, 'done' or '?')", "10.0.2.2"],
  ["Unable to connect using https. Use http instead?", "yes"],
  ["Set name(s)? (or 'abort' or 'done')", "-all bsd* base* comp* man* site79.tgz"],
  ["Directory does not contain SHA256.sig. Continue without verification?", "yes"],
];

/** Whether an answer's key belongs to a question: whole words of it, in any case (autoinstall(8)). */
function asks(question: string, key: string): boolean {
  const text = question.toLowerCase();
  const words = key.toLowerCase();
  const at = text.indexOf(words);
  if (at < 0) return false;
  const before = text[at - 1];
  const after = text[at + words.length];
  return (
    (before === undefined || /\s/.test(before)) && (after === undefined || /[\s?]/.test(after))
  );
}

/** The host key with the mode that ssh-keygen wants. */
async function privateKey(medium: string): Promise<string> {
  const path = join(medium, "ssh_host_ed25519_key");
  await chmod(path, 0o600);
  return path;
}
