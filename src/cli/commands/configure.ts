import { randomUUID } from "node:crypto";
import { mkdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { prepareAppliance } from "../../appliance/borrow-appliance.ts";
import { reportingVendorData } from "../../cloudinit/reporter.ts";
import { type SeedContent, seedFiles } from "../../cloudinit/seed-files.ts";
import { seedImage } from "../../cloudinit/seed-image.ts";
import { createBuildEnvironment } from "../../create-environment.ts";
import { exportTarget } from "../../image/export-target.ts";
import { sealImage } from "../../seal/seal-image.ts";
import { runSeeded } from "../../task/run-seeded.ts";
import { openBootDisk } from "../boot-disk.ts";
import { exitCode } from "../exit-code.ts";
import { guestHardware } from "../guest-hardware.ts";
import { copyImage } from "../image-copy.ts";
import { machineSettings, type MachineFlags } from "../machine-flags.ts";
import { type OpenedStore, openSettingsAndStore } from "../open-store.ts";
import { orThrow, taskError, userError } from "../or-throw.ts";
import { readSeed } from "../read-seed.ts";
import { liveStatus, plainLines, type StatusLine } from "../render/status-line.ts";
import { duration } from "../render/units.ts";
import { refuseInputs } from "../refuse-inputs.ts";
import { replaceFile } from "../replace-file.ts";
import { sayWarnings } from "../say-warnings.ts";
import { buildKeys, operationsOf, type SelectionFlags, sealReportText } from "../sealing.ts";
import { listenForTermination } from "../terminate.ts";
import { UserError } from "../user-error.ts";

interface ConfigureFlags extends MachineFlags, SelectionFlags {
  readonly imageInputPath: string;
  readonly imageQemuSocketPath: string;
  readonly configUserDataPath: string;
  readonly configMetaDataPath?: string;
  readonly configVendorDataPath?: string;
  readonly configSeedOutputPath: string;
  readonly qemuCpuModel: string;
  readonly bootTimeout?: number;
  readonly check: boolean;
  /** False for `--no-seal`. */
  readonly seal: boolean;
}

/** Files that need not be there as long as nobody names them. */
const optionalPaths = {
  metaData: "cloud-init-config/meta-data",
  vendorData: "cloud-init-config/vendor-data",
};

/** How long a guest may take until cloud-init begins; that of an emulated one takes a minute on a busy host. */
const defaultSilentMs = 5 * 60_000;

/** `vmbuild configure`: boots an image once with a seed, and keeps what cloud-init has made of it. */
export async function configure(flags: ConfigureFlags): Promise<void> {
  refuseSelection(flags);
  await refuseInputs(flags.configSeedOutputPath, [
    flags.imageInputPath,
    flags.configUserDataPath,
    flags.configMetaDataPath ?? optionalPaths.metaData,
    flags.configVendorDataPath ?? optionalPaths.vendorData,
  ]);
  const content = await readContent(flags);
  const status = process.stderr.isTTY ? liveStatus(process.stderr) : plainLines(process.stderr);
  using termination = listenForTermination(() => void status.print("stopping\n"));
  const startedAt = performance.now();
  try {
    await configureImage(flags, content, status, termination.signal);
    const took = duration(performance.now() - startedAt);
    await status.print(`configured ${flags.imageInputPath} in ${took}\n`);
  } catch (error) {
    const code = termination.exitCode();
    throw code === undefined ? error : new UserError("cancelled", { exitCode: code });
  } finally {
    status.close();
  }
}

/** @throws UserError when operations are chosen of a seal that is not done */
function refuseSelection({ seal, enable, disable }: ConfigureFlags): void {
  const given = enable === undefined ? "--disable" : "--enable";
  if (seal || (enable === undefined && disable === undefined)) return;
  throw new UserError(`${given} chooses what --no-seal leaves out`, {
    exitCode: exitCode.usage,
    hint: "leave one of them out",
  });
}

async function configureImage(
  flags: ConfigureFlags,
  content: SeedContent,
  status: StatusLine,
  signal: AbortSignal,
): Promise<void> {
  const opened = await openSettingsAndStore(machineSettings(flags));
  const env = createBuildEnvironment({
    ...opened.settings,
    store: opened.store,
    contextDir: process.cwd(),
  });
  const seal = flags.seal ? await sealing(flags, opened, signal) : undefined;
  status.set(0, `copying ${flags.imageInputPath}`);
  await using copy = await copyImage(flags.imageInputPath, signal);
  await using disk = await openBootDisk({
    image: copy.path,
    env,
    persist: true,
    arch: flags.arch,
    signal,
  });
  const { workDir } = disk;
  const hardware = await guestHardware(disk.profile, { ...flags, cpu: flags.qemuCpuModel }, env, {
    workDir,
    signal,
  });
  const seedPath = await writeSeed(content, flags.configSeedOutputPath);
  await makeParent(flags.imageQemuSocketPath);
  status.set(0, "booting");
  const powerOffTimeoutMs = disk.profile.powerOffTimeoutMs;
  const run = await runSeeded(
    {
      machine: {
        ...hardware,
        diskPath: copy.path,
        diskFormat: copy.format,
        seedPath,
        network: flags.network,
        forwards: [],
        qmpPath: flags.imageQemuSocketPath,
      },
      output: "nothing",
      consolePath: join(workDir, "console.log"),
      silentMs: flags.bootTimeout ?? defaultSilentMs,
      powerOffTimeoutMs,
    },
    {
      signal,
      onOutput() {},
      onStarted: () => status.set(0, "cloud-init is at work"),
      onMachine: (pid) => disk.machineStarted(pid),
    },
  );
  if (!run.ok) throw taskError(run.error);
  if (run.value.isForced) {
    throw userError({ reason: "power-off-ignored", timeoutMs: powerOffTimeoutMs });
  }
  await sayWarnings(run.value, status);
  if (seal !== undefined) {
    status.set(0, `sealing ${flags.imageInputPath}`);
    await status.print(await seal(copy.path));
  }
  status.set(0, `checking ${flags.imageInputPath}`);
  await copy.replaceImage();
  status.clear(0);
}

/**
 * Gives what seals a disk and says what it did. What it needs is looked for now, not when the image is configured.
 *
 * @throws UserError, as the function does
 */
async function sealing(
  flags: ConfigureFlags,
  { settings, store, layout }: OpenedStore,
  signal: AbortSignal,
): Promise<(diskPath: string) => Promise<string>> {
  const operations = operationsOf(flags);
  const publicKeys = await buildKeys(layout);
  // The image's memory and CPUs are not those of the machine that seals it.
  const { memoryBytes: _, cpus: __, ...own } = settings;
  const env = createBuildEnvironment({ ...own, store, contextDir: process.cwd() });
  const prepared = await prepareAppliance(env, signal);
  if (!prepared.ok) throw userError(prepared.error, "the image cannot be sealed afterwards: ");
  return async (diskPath) => {
    const sealed = await sealImage({ env, diskPath, operations, publicKeys, signal });
    if (sealed.ok) {
      return sealReportText(sealed.value, { what: flags.imageInputPath, verbose: false });
    }
    const failure = sealed.error;
    // The user knows the image, and not its copy.
    throw userError("path" in failure ? { ...failure, path: flags.imageInputPath } : failure);
  };
}

async function readContent(flags: ConfigureFlags): Promise<SeedContent> {
  const metaData = flags.configMetaDataPath ?? (await ifThere(optionalPaths.metaData));
  const vendorData = flags.configVendorDataPath ?? (await ifThere(optionalPaths.vendorData));
  const { userData, ...rest } = await readSeed(
    {
      userData: flags.configUserDataPath,
      ...(metaData === undefined ? {} : { metaData }),
      ...(vendorData === undefined ? {} : { vendorData }),
      check: flags.check,
    },
    {},
    "nothing is configured",
  );
  if (userData === undefined) throw new Error("Internal error: a seed without user-data");
  return {
    // Another instance each time: of one that it knows, cloud-init does nothing again.
    metaData: Buffer.from(`instance-id: ${randomUUID()}\n`),
    ...rest,
    userData,
    vendorData: reportingVendorData(rest.vendorData),
  };
}

async function ifThere(path: string): Promise<string | undefined> {
  return (await stat(path).catch(() => undefined)) === undefined ? undefined : path;
}

async function writeSeed(content: SeedContent, name: string): Promise<string> {
  await makeParent(name);
  const target = orThrow(await exportTarget(resolve(name)));
  await replaceFile({ ...target, name }, seedImage(seedFiles(content)));
  return target.path;
}

/** As the default paths want it. @throws UserError */
async function makeParent(name: string): Promise<void> {
  try {
    await mkdir(dirname(resolve(name)), { recursive: true });
  } catch (error) {
    throw new UserError(`${dirname(name)} cannot be made: ${(error as Error).message}`, {
      exitCode: exitCode.host,
    });
  }
}
