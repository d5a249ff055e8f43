import { parse } from "@iarna/toml";
import { dirname } from "node:path";
import { failed, ok, type Result } from "../result.ts";
import { MIN_MEMORY_BYTES } from "./byte-size.ts";
import { defaultProfile } from "./default-profile.ts";
import type { ProfileFailure, ProfileProblem } from "./failure.ts";
import { readBoot } from "./read-boot.ts";
import { readEnv, readUser } from "./read-context.ts";
import { readLogin } from "./read-login.ts";
import type { Profile } from "./profile.ts";
import { TomlTable } from "./toml-table.ts";

/** A profile's text and where it was read from. */
export interface ProfileSource {
  readonly text: string;
  /** Absolute path of the profile; relative paths in it are taken from its folder. */
  readonly file: string;
}

/** A profile as its file says it, with what is about the file and not about the guest. */
export interface ParsedProfile extends Profile {
  /** Absolute path of the disk image; absent when it stands beside the profile under its name. */
  readonly disk?: string;
}

const MIN_DISK_BYTES = 1024 ** 2;

/**
 * Reads a profile. What it does not say is filled in by `defaultProfile` for its `os` and `arch`.
 *
 * Fails with every problem at once, unknown keys among them; a text that is no TOML is one problem.
 * Touches no file: paths are not looked at.
 */
export function parseProfile({ text, file }: ProfileSource): Result<ParsedProfile, ProfileFailure> {
  const document = parseToml(text);
  if (!document.ok) return invalid(file, [document.error]);
  const problems: ProfileProblem[] = [];
  const profile = readProfile(new TomlTable(document.value, "", problems), dirname(file));
  return problems.length > 0 ? invalid(file, problems) : ok(profile);
}

function readProfile(table: TomlTable, folder: string): ParsedProfile {
  const os = table.oneOf("os", ["linux", "freebsd", "openbsd", "windows"]) ?? "linux";
  const arch = table.oneOf("arch", ["x86_64", "aarch64"]) ?? "x86_64";
  const defaults = defaultProfile(os, arch);
  const machine = table.name("machine", "the name of a QEMU machine type without options");
  const boot = readBoot(table, { arch, folder, fallback: defaults.boot });
  const diskBus = table.oneOf("disk-bus", ["virtio", "scsi", "sata", "ide", "nvme"]);
  const login = readLogin(table.table("login"), { os, folder, fallback: defaults.login });
  const user = readUser(table, os, login);
  const shell = table.argv("shell");
  const env = readEnv(table);
  const memoryBytes = table.byteSize("memory", MIN_MEMORY_BYTES);
  const cpus = table.integer("cpus", { min: 1, max: 255 });
  const bootTimeoutMs = table.durationMs("boot-timeout");
  const powerOffTimeoutMs = table.durationMs("power-off-timeout");
  const bulkTransport = table.oneOf("bulk-transport", ["virtio-scsi", "stream"]);
  if (bulkTransport === "virtio-scsi" && os !== "linux") {
    table.problem("bulk-transport", "`virtio-scsi` is for Linux guests only", "leave it out");
  }
  const bootMode = table.oneOf("boot", ["warm", "cold"]);
  const diskSizeBytes = table.byteSize("disk-size", MIN_DISK_BYTES);
  const disk = table.path("disk", folder);
  table.reportUnknownKeys();
  return {
    os,
    arch,
    machine: machine ?? defaults.machine,
    boot,
    diskBus: diskBus ?? defaults.diskBus,
    login,
    user,
    shell: shell ?? defaults.shell,
    env,
    memoryBytes: memoryBytes ?? defaults.memoryBytes,
    cpus: cpus ?? defaults.cpus,
    bootTimeoutMs: bootTimeoutMs ?? defaults.bootTimeoutMs,
    powerOffTimeoutMs: powerOffTimeoutMs ?? defaults.powerOffTimeoutMs,
    bulkTransport: bulkTransport ?? defaults.bulkTransport,
    ...(bootMode !== undefined && { bootMode }),
    ...(diskSizeBytes !== undefined && { diskSizeBytes }),
    ...(disk !== undefined && { disk }),
  };
}

function parseToml(text: string): Result<Readonly<Record<string, unknown>>, ProfileProblem> {
  try {
    return ok(parse(text));
  } catch (error) {
    if (error instanceof Error && "line" in error && "col" in error) {
      // The rest of the message repeats the place and draws the line.
      const message = error.message
        .replace(/ at row \d[\s\S]*$/, "")
        .replace(/^[A-Z](?=[a-z])/, lower);
      // The parser has gone on by one character by then, so that its 0-based column is right from 1.
      const position = { line: Number(error.line) + 1, column: Math.max(1, Number(error.col)) };
      return failed({ position, message });
    }
    throw error;
  }
}

function lower(letter: string): string {
  return letter.toLowerCase();
}

function invalid(file: string, problems: readonly ProfileProblem[]): Result<never, ProfileFailure> {
  return failed({ reason: "profile-invalid", file, problems });
}
