import { join, resolve } from "node:path";
import { createBuildEnvironment } from "../../create-environment.ts";
import { exportTarget } from "../../image/export-target.ts";
import { storeIdentityPath } from "../../image/store-identity-path.ts";
import { bootGuest } from "../../machine/boot-guest.ts";
import type { ForwardedPort } from "../../machine/forwarded-port.ts";
import type { Guest, GuestConsole } from "../../machine/guest.ts";
import type { PortForward } from "../../machine/qemu-network.ts";
import { sshCommandLine } from "../../sandbox/ssh-command-line.ts";
import { untilAborted } from "../../until-aborted.ts";
import { type BootDisk, openBootDisk } from "../boot-disk.ts";
import { exitCode } from "../exit-code.ts";
import { guestEndError } from "../guest-end.ts";
import { guestHardware } from "../guest-hardware.ts";
import { machineSettings, type MachineFlags } from "../machine-flags.ts";
import { openSettingsAndStore } from "../open-store.ts";
import { orThrow, userError } from "../or-throw.ts";
import { readSeed, type SeedFlags } from "../read-seed.ts";
import { refuseInputs } from "../refuse-inputs.ts";
import { defaultSeedWay, deliverSeed, hasSmbios, type SeedWay } from "../seed-delivery.ts";
import { listenForTermination, type Termination } from "../terminate.ts";
import { UserError } from "../user-error.ts";
import { readWishes } from "../read-wishes.ts";
import { hasWishes, type WishFlags } from "../wish-flags.ts";

interface BootFlags extends MachineFlags, SeedFlags, WishFlags {
  readonly persist?: boolean;
  readonly forward?: readonly PortForward[];
  readonly cloudInit?: SeedWay;
  /** False for `--no-console`. */
  readonly console: boolean;
  readonly consoleLog?: string;
}

/** `vmbuild boot`: boots an image for a person, until the guest powers off. */
export async function boot(image: string, flags: BootFlags): Promise<void> {
  checkDelivery(flags);
  if (flags.consoleLog !== undefined) {
    const { userData, metaData, vendorData, networkConfig } = flags;
    await refuseInputs(flags.consoleLog, [image, userData, metaData, vendorData, networkConfig]);
    orThrow(await exportTarget(resolve(flags.consoleLog)));
  }
  const wishes = await readWishes(flags, process.env);
  const content = await readSeed(flags, wishes, "nothing is booted");
  const hasSeed = Object.keys(content).length > 0 || flags.cloudInit !== undefined;
  using termination = listenForTermination(() => {});
  const { signal } = termination;
  try {
    const { settings, store, layout } = await openSettingsAndStore(machineSettings(flags));
    const env = createBuildEnvironment({ ...settings, store, contextDir: process.cwd() });
    const persist = flags.persist === true;
    await using disk = await openBootDisk({ image, env, persist, arch: flags.arch, signal });
    const hardware = await guestHardware(disk.profile, flags, env, {
      workDir: disk.workDir,
      signal,
    });
    const way = flags.cloudInit ?? defaultSeedWay(flags.network, hardware);
    if (hasSeed && way === "smbios" && !hasSmbios(hardware)) {
      throw new UserError("--cloud-init smbios: this machine has no SMBIOS for its guest to read", {
        exitCode: exitCode.usage,
        hint: "--cloud-init seed gives it a disk",
      });
    }
    await using seed = hasSeed ? await deliverSeed(content, way, disk.workDir) : undefined;
    const { port: sshPort } = disk.profile.login;
    const booted = await bootGuest(
      {
        ...hardware,
        ...seed?.config,
        diskPath: disk.diskPath,
        diskFormat: disk.diskFormat,
        isDurable: disk.isPersistent,
        network: flags.network,
        forwards: withSsh(flags.forward ?? [], sshPort),
        console: consoleOf(flags, disk),
        ports: [],
      },
      {
        signal,
        onForwards: (forwards) => announce(forwards, flags, disk, storeIdentityPath(layout)),
      },
    );
    await using guest = orThrow(booted);
    await disk.machineStarted(guest.pid);
    await untilEnd(guest, disk, termination);
  } catch (error) {
    const code = termination.exitCode();
    throw code === undefined ? error : new UserError("cancelled", { exitCode: code });
  }
}

/** The host port that leads to SSH comes first, unless the user has named one. */
function withSsh(forwards: readonly PortForward[], sshPort: number): readonly PortForward[] {
  const isNamed = forwards.some(({ guestPort }) => guestPort === sshPort);
  return isNamed ? forwards : [{ guestPort: sshPort }, ...forwards];
}

function consoleOf({ console, consoleLog }: BootFlags, { workDir }: BootDisk): GuestConsole {
  const path = consoleLog === undefined ? undefined : resolve(consoleLog);
  if (!console) return { kind: "file", path: path ?? join(workDir, "console.log") };
  return { kind: "terminal", ...(path === undefined ? {} : { logPath: path }) };
}

/** Says how to get in, before the guest says anything. */
function announce(
  forwards: readonly ForwardedPort[],
  flags: BootFlags,
  { profile, hasLogin }: BootDisk,
  identityPath: string,
): void {
  const lines = forwards.map(({ hostPort, guestPort }) => {
    if (guestPort !== profile.login.port) {
      return `port ${hostPort} of 127.0.0.1 leads to port ${guestPort} of the guest`;
    }
    const command = hasLogin
      ? sshCommandLine(profile.login, hostPort, identityPath)
      : `ssh -p ${hostPort} USER@127.0.0.1`;
    return `SSH port ${hostPort}: ${command}`;
  });
  lines.push(aboutConsole(flags));
  process.stderr.write(lines.map((line) => `${line}\n`).join(""));
}

function aboutConsole({ console, consoleLog }: BootFlags): string {
  if (console)
    return "the console is here: Ctrl-A x ends the machine, Ctrl-A h tells what else there is";
  const where =
    consoleLog === undefined
      ? "the console is not kept (--console-log FILE keeps it)"
      : `the console is in ${consoleLog}`;
  return `${where}; Ctrl-C ends the machine`;
}

/** Waits until the machine ends. @throws UserError when that is not as it should be, or the user wants it over */
async function untilEnd(guest: Guest, disk: BootDisk, termination: Termination): Promise<void> {
  const ended = await untilAborted(guest.ended, termination.signal);
  if (ended !== undefined) {
    const error = guestEndError(ended.value, disk.diskPath);
    if (error !== undefined) throw error;
    return;
  }
  if (disk.isPersistent) {
    const timeoutMs = disk.profile.powerOffTimeoutMs;
    process.stderr.write("powering off, since the disk is kept; once more to stop at once\n");
    orThrow(await guest.powerOff({ timeoutMs, signal: new AbortController().signal }));
  }
  throw userError({ reason: "cancelled" });
}

/** @throws UserError */
function checkDelivery(flags: BootFlags): void {
  const wrong = (message: string, hint: string): UserError =>
    new UserError(message, { exitCode: exitCode.usage, hint });
  const { cloudInit, network, userData, metaData, vendorData, networkConfig } = flags;
  if (cloudInit === "smbios" && !network) {
    throw wrong(
      "--cloud-init smbios: a guest without a network cannot fetch it",
      "leave it out: a seed disk is made then",
    );
  }
  const isGiven =
    hasWishes(flags) || [userData, metaData, vendorData, networkConfig].some((path) => path);
  if (cloudInit !== undefined && !isGiven) {
    throw wrong("--cloud-init: there is nothing for cloud-init", "name a file with --user-data");
  }
}
