import { beforeAll, describe, expect, test } from "vitest";
import type { Diagnostic } from "../spec/diagnostic.ts";
import {
  checkMetaData,
  checkNetworkConfig,
  checkUserData,
  type CloudInitSchemas,
} from "./check-seed.ts";
import { readSchemas } from "./read-schemas.ts";
import { isGzip } from "./user-data-kind.ts";

let schemas: CloudInitSchemas;
beforeAll(async () => {
  schemas = await readSchemas();
});

/** What is wrong, each with the text it is about. */
function told(diagnostics: readonly Diagnostic[]): string[] {
  return diagnostics.map(({ message, hint, range, source }) => {
    const about = source.text.slice(range.start, range.end).trim();
    return `${about} | ${message}${hint === undefined ? "" : ` | ${hint}`}`;
  });
}

const userData = (text: string) => told(checkUserData({ name: "user-data", text }, schemas));
const networkConfig = (text: string) => told(checkNetworkConfig({ name: "net", text }, schemas));

describe("user-data that cloud-init takes", () => {
  test.each([
    "",
    "#cloud-config\n",
    "#cloud-config\nhostname: y\npackages: [a, [b, '1.0']]\nruncmd: [ls, [ls, -l]]\n",
    "#cloud-config\nusers:\n- default\n- name: n\n  sudo: 'ALL=(ALL) NOPASSWD:ALL'\n  ssh_authorized_keys: [a]\n",
    "#cloud-config\nwrite_files:\n- {path: /x, permissions: '0755', content: yes it is}\n",
    "#cloud-config\npower_state: {mode: poweroff, timeout: 30}\nssh_pwauth: no\n",
    "#cloud-config\nusers:\n    - name: me\n      groups: user,wheel\n      hashed_passwd: $6$abc\n      lock_passwd: false\n      sudo: ALL=(ALL) NOPASSWD:ALL\n",
    "#cloud-config\nwrite_files:\n  - path: /root/run.sh\n    permissions: '0755'\n    content: |\n      #!/bin/bash\n      date\nruncmd:\n  - [ bash, /root/run.sh ]\npower_state:\n  mode: poweroff\n  condition: True\n",
    "#!/bin/sh\nanything: [\n",
    "## template: jinja\n#cloud-config\n{% if x %}\n",
    "#include\nhttp://example.org/\n",
    "Content-Type: multipart/mixed; boundary=x\nMIME-Version: 1.0\n\nanything\n",
    "#cloud-config-archive\n- {type: text/cloud-config, content: x}\n",
  ])("%j", (text) => {
    expect(userData(text)).toEqual([]);
  });
});

describe("user-data that cloud-init does not take", () => {
  test.each<[text: string, ...problems: string[]]>([
    [
      "#cloud-config\nhostnme: x\n",
      "hostnme | cloud-init knows no key hostnme | did you mean `hostname`?",
    ],
    [
      "#cloud-config\nusers:\n- name: a\n  shel: /bin/sh\n",
      "shel | users[0] has no key shel | did you mean `shell`?",
    ],
    ["#cloud-config\nruncmd: ls\n", "ls | runcmd has to be a list, not a text"],
    ["#cloud-config\nwrite_files:\n- content: x\n", "content: x | write_files[0] lacks path"],
    [
      "#cloud-config\npackages: [a, [b, c, d]]\n",
      "[b, c, d] | packages[1]: array has too many items (3 > 2)",
    ],
    [
      "#cloud-config\npower_state: {mode: power-off}\n",
      'power-off | power_state.mode cannot be "power-off" | did you mean `poweroff`?',
    ],
    ["#cloud-config\n- a\n", "- a | a cloud-config is a map of keys"],
    ["#cloud-config-archive\na: b\n", "a: b | an archive is a list of parts"],
    [
      "# cloud-config\na: b\n",
      "# cloud-config | cloud-init would ignore it: its first line says nothing of what it is | the first line has to be #cloud-config, without a blank",
    ],
    [
      "hostname: x\n",
      "hostname: x | cloud-init would ignore it: its first line says nothing of what it is | the first line is #cloud-config or #!/bin/sh, for example",
    ],
    ["#cloud-config\nhostname: a\nhostname: b\n", "h | map keys must be unique"],
  ])("%j", (text, ...problems) => {
    expect(userData(text)).toEqual(problems);
  });

  test("with broken YAML is told where it breaks", () => {
    const [problem] = checkUserData(
      { name: "user-data", text: "#cloud-config\nruncmd:\n- [ls\nhostname: x\n" },
      schemas,
    );
    expect(problem?.message).toMatch(/^flow sequence/);
    expect(problem?.range.start).toBeGreaterThan(20);
  });

  test("with aliases without end is told, and takes no memory", () => {
    const lines = ["#cloud-config", "a: &a0 [x, x, x, x, x, x, x, x, x, x]"];
    for (let level = 1; level < 12; level++) {
      lines.push(`b${level}: &a${level} [${`*a${level - 1}, `.repeat(10)}]`);
    }
    expect(userData(lines.join("\n")).join()).toContain("alias");
  });
});

test("gzip is told by its first bytes", () => {
  expect(isGzip(Uint8Array.of(0x1f, 0x8b, 8))).toBe(true);
  expect(isGzip(Buffer.from("#cloud-config\n"))).toBe(false);
});

test("meta-data is a map", () => {
  const metaData = (text: string) => told(checkMetaData({ name: "meta-data", text }));
  expect(metaData("instance-id: one\nlocal-hostname: x\n")).toEqual([]);
  expect(metaData('{"instance-id": "one"}')).toEqual([]);
  expect(metaData("")).toEqual([]);
  expect(metaData("one")).toEqual(["one | meta-data is a map, such as `instance-id: one`"]);
});

describe("network-config", () => {
  test.each([
    "version: 2\nethernets:\n  all: {match: {name: 'en*'}, dhcp4: true}\n",
    "network:\n  version: 2\n  ethernets:\n    eth0: {dhcp4: yes}\n",
    "version: 1\nconfig:\n- type: physical\n  name: eth0\n  subnets: [{type: dhcp}]\n",
    "network: {config: disabled}\n",
  ])("%j is taken", (text) => {
    expect(networkConfig(text)).toEqual([]);
  });

  test.each<[text: string, ...problems: string[]]>([
    [
      "version: 1\nconfig:\n- {type: physical, nme: eth0}\n",
      "{type: physical, nme: eth0} | config[0] lacks name",
      "nme | config[0] has no key nme | did you mean `name`?",
    ],
    [
      "network:\n  version: 2\n  ethernets:\n    e: {dhcp4: maybe}\n",
      'maybe | ethernets.e.dhcp4 cannot be "maybe" | expected one of `yes`, `no`, `true`, `false`',
    ],
    ["version: 3\n", "3 | the version of a network-config is 1 or 2"],
    ["- a\n", "- a | a network-config is a map with the key version"],
  ])("%j is not", (text, ...problems) => {
    expect(networkConfig(text)).toEqual(problems);
  });
});
