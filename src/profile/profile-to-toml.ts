import { dirname, relative } from "node:path";
import { formatDurationMs } from "../spec/duration.ts";
import { exactByteSize } from "./byte-size.ts";
import { UEFI_CODE_PATHS } from "./default-profile.ts";
import type { ParsedProfile } from "./parse-profile.ts";
import type { BootSource, Identity, ProfileUser } from "./profile.ts";

/**
 * The text of a profile file to be written to `file` (absolute path), which `parseProfile` reads as
 * `profile` again. Says everything, also what is the default today; paths below the file's folder are
 * written relative, so that the folder can be moved.
 */
export function profileToToml(profile: ParsedProfile, file: string): string {
  const folder = dirname(file);
  const { login, diskSizeBytes, disk } = profile;
  const lines = [
    pair("os", text(profile.os)),
    pair("arch", text(profile.arch)),
    pair("machine", text(profile.machine)),
    ...bootLines(profile.boot, profile, folder),
    pair("disk-bus", text(profile.diskBus)),
    ...(disk === undefined ? [] : [pair("disk", text(fromFolder(folder, disk)))]),
    ...(diskSizeBytes === undefined ? [] : [pair("disk-size", text(exactByteSize(diskSizeBytes)))]),
    pair("user", user(profile.user)),
    pair("shell", `[${profile.shell.map(text).join(", ")}]`),
    pair("memory", text(exactByteSize(profile.memoryBytes))),
    pair("cpus", String(profile.cpus)),
    pair("boot-timeout", text(formatDurationMs(profile.bootTimeoutMs))),
    pair("power-off-timeout", text(formatDurationMs(profile.powerOffTimeoutMs))),
    pair("bulk-transport", text(profile.bulkTransport)),
    ...(profile.bootMode === undefined ? [] : [pair("boot", text(profile.bootMode))]),
    "",
    "[login]",
    pair("user", text(login.user)),
    pair("port", String(login.port)),
    pair("identity", text(identity(login.identity, folder))),
    ...(login.hostKey === undefined ? [] : [pair("host-key", text(login.hostKey))]),
    pair("become", text(login.become)),
    ...envLines(profile.env),
  ];
  return `${lines.join("\n")}\n`;
}

function bootLines(boot: BootSource, { arch }: ParsedProfile, folder: string): readonly string[] {
  if (boot.kind === "kernel") {
    const { kernel, initrd, append } = boot;
    return [
      pair("kernel", text(fromFolder(folder, kernel))),
      ...(initrd === undefined ? [] : [pair("initrd", text(fromFolder(folder, initrd)))]),
      pair("append", text(append)),
    ];
  }
  if (boot.firmware.kind === "bios") return [pair("firmware", text("bios"))];
  const { codePath } = boot.firmware;
  const isDefault = codePath === UEFI_CODE_PATHS[arch];
  return [pair("firmware", text(isDefault ? "uefi" : fromFolder(folder, codePath)))];
}

function envLines(env: Readonly<Record<string, string>>): readonly string[] {
  const names = Object.keys(env).sort();
  if (names.length === 0) return [];
  return ["", "[env]", ...names.map((name) => pair(key(name), text(env[name] ?? "")))];
}

function user(value: ProfileUser): string {
  switch (value.kind) {
    case "login":
      return text("login");
    case "unix":
      return `{ uid = ${value.uid}, gid = ${value.gid} }`;
    case "name":
      return `{ name = ${text(value.name)} }`;
  }
}

function identity(value: Identity, folder: string): string {
  return value.kind === "file" ? fromFolder(folder, value.path) : value.kind;
}

/** With `./`, so that no file's name is taken for a word such as `store`. */
function fromFolder(folder: string, path: string): string {
  const below = relative(folder, path);
  return below.startsWith("..") || below.startsWith("/") ? path : `./${below}`;
}

function pair(name: string, value: string): string {
  return `${name} = ${value}`;
}

function key(name: string): string {
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : text(name);
}

/** JSON's escapes are TOML's, but for DEL, which TOML does not allow bare. */
function text(value: string): string {
  return JSON.stringify(value).replaceAll("\u007F", "\\u007F");
}
