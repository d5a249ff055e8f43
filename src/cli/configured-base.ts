/** A base image of a cloud image: booted once, told by cloud-init how builds log in, and kept when they can. */
import { randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BuildEnvironment } from "../build/environment.ts";
import { buildAccessUserData } from "../cloudinit/build-access.ts";
import { reportingVendorData } from "../cloudinit/reporter.ts";
import { seedFiles } from "../cloudinit/seed-files.ts";
import { seedImage } from "../cloudinit/seed-image.ts";
import { generateHostKey } from "../image/host-key.ts";
import { saveBase } from "../image/save-base.ts";
import { storeKeyPair } from "../image/store-key-pair.ts";
import { checkLogin } from "../machine/check-login.ts";
import type { Login, Profile } from "../profile/profile.ts";
import { imageInfo } from "../store/qemu-img.ts";
import type { StoreLayout } from "../store/layout.ts";
import { runSeeded, type SeededGuest } from "../task/run-seeded.ts";
import { guestHardware } from "./guest-hardware.ts";
import { noStep } from "./no-step.ts";
import { orThrow, taskError, userError } from "./or-throw.ts";
import type { StatusLine } from "./render/status-line.ts";
import { sayWarnings } from "./say-warnings.ts";

export interface ConfiguredBaseRequest {
  /** Of which there is no base image, or one that is replaced; see `checkFree`. */
  readonly name: string;
  /** A cloud image, absolute, which is only read. */
  readonly disk: { readonly path: string; readonly format: "qcow2" | "raw" };
  /** The guest, by absolute paths; what it says of the login is replaced. */
  readonly profile: Profile;
  readonly env: BuildEnvironment;
  readonly layout: StoreLayout;
  readonly status: StatusLine;
  readonly signal: AbortSignal;
}

/** What a disk is grown to; cloud images leave next to no room. A hole takes none on the host. */
const leastDiskBytes = 20 * 1024 ** 3;

/**
 * Boots the image on an overlay with a seed, without a network, logs in as a build will, shuts it down, and makes a base
 * image of what it is then. Gives the base image's digest. After any failure there is nothing.
 *
 * @throws UserError
 */
export async function configuredBase(request: ConfiguredBaseRequest): Promise<string> {
  const { name, disk, env, layout, status, signal } = request;
  const { store } = env;
  const info = orThrow(await imageInfo(disk.path, disk.format, signal));
  const diskSizeBytes = Math.max(
    info.virtualSizeBytes,
    request.profile.diskSizeBytes ?? leastDiskBytes,
  );
  const base = { kind: "file", ...disk } as const;
  await using stage = orThrow(await store.stage({ id: noStep(), base, diskSizeBytes, signal }));
  const { workDir, diskPath } = stage;
  await mkdir(workDir, { mode: 0o700 });
  const keys = orThrow(await storeKeyPair(layout));
  const hostKey = generateHostKey();
  const seedPath = join(workDir, "seed.img");
  const userData = buildAccessUserData({ publicKey: keys.publicKey, hostKey });
  const metaData = Buffer.from(`instance-id: vmbuild-${randomUUID()}\n`);
  const seed = seedFiles({ userData, metaData, vendorData: reportingVendorData(undefined) });
  await writeFile(seedPath, seedImage(seed), { mode: 0o600 });
  const login: Login = {
    user: "root",
    port: 22,
    identity: { kind: "store" },
    hostKey: hostKey.publicKey,
    become: "none",
  };
  const { diskSizeBytes: _, ...given } = request.profile;
  const profile: Profile = { ...given, login, user: { kind: "unix", uid: 0, gid: 0 } };
  const hardware = await guestHardware(profile, {}, env, { workDir, signal });
  status.set(0, `${name}: booting`);
  await runToEnd(
    {
      machine: {
        ...hardware,
        diskPath,
        diskFormat: "qcow2",
        seedPath,
        network: false,
        forwards: [{ guestPort: login.port }],
      },
      output: "nothing",
      consolePath: join(workDir, "console"),
      silentMs: profile.bootTimeoutMs,
      powerOffTimeoutMs: profile.powerOffTimeoutMs,
    },
    { login, storeIdentityPath: keys.privateKeyPath },
    { ...request, onMachine: async (pid) => orThrow(await stage.machineStarted(pid)) },
  );
  status.set(0, `${name}: saving`);
  const stagedPath = join(workDir, "saved.qcow2");
  return orThrow(await saveBase({ layout, name, diskPath, profile, stagedPath, signal }));
}

interface Entry {
  readonly login: Login;
  readonly storeIdentityPath: string;
}

interface RunOptions extends Pick<ConfiguredBaseRequest, "name" | "status" | "signal"> {
  readonly onMachine: (pid: number) => Promise<void>;
}

/** @throws UserError unless cloud-init was done, a login was possible and the guest was shut down */
async function runToEnd(
  seeded: SeededGuest,
  entry: Entry,
  { name, status, signal, onMachine }: RunOptions,
): Promise<void> {
  const ran = await runSeeded(seeded, {
    signal,
    onMachine,
    onOutput() {},
    onStarted: () => status.set(0, `${name}: cloud-init`),
    onDone: async ({ forwards, ended }) => {
      status.set(0, `${name}: logging in`);
      const port = forwards[0]?.hostPort;
      if (port === undefined) throw new Error("Internal error: a guest without its SSH port");
      return checkLogin({ ...entry, port, timeoutMs: seeded.silentMs, ended, signal });
    },
  });
  if (!ran.ok) throw taskError(ran.error);
  if (ran.value.isForced) {
    throw userError({ reason: "power-off-ignored", timeoutMs: seeded.powerOffTimeoutMs });
  }
  await sayWarnings(ran.value, status);
}
