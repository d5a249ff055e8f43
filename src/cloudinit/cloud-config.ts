/** What a machine is wished to be, in words for everyone; cloud-init's keys are found here alone. */
export interface MachineWishes {
  /** An account that may do everything, with sudo. Absent leaves it at the image's own account. */
  readonly user?: string;
  /** Public keys that may log into the account. */
  readonly sshKeys?: readonly string[];
  /** What crypt(3) takes (`$6$…`): the account's password, for the console and for sudo. */
  readonly passwordHash?: string;
  readonly hostname?: string;
  readonly packages?: readonly string[];
  /** Shell commands, as root, at the end of the first boot. */
  readonly run?: readonly string[];
  readonly files?: readonly WishedFile[];
}

/** A file in the guest, of root's. */
export interface WishedFile {
  readonly path: string;
  readonly content: Uint8Array;
  /** In octal, for example `0755`. */
  readonly mode: string;
}

/** A value of a cloud-config. */
export type ConfigValue =
  | string
  | boolean
  | readonly ConfigValue[]
  | { readonly [key: string]: ConfigValue };

/** The keys of a cloud-config. */
export type CloudConfig = Readonly<Record<string, ConfigValue>>;

/** The cloud-config that makes the wishes true; undefined when there are none. */
export function cloudConfigOf(wishes: MachineWishes): CloudConfig | undefined {
  const { user, hostname, packages = [], run = [], files = [] } = wishes;
  const config: CloudConfig = {
    ...(hostname === undefined ? {} : hostnameOf(hostname)),
    ...(user === undefined ? ownAccount(wishes) : { users: [account(user, wishes)] }),
    ...(packages.length === 0 ? {} : { packages }),
    ...(files.length === 0 ? {} : { write_files: files.map(fileOf) }),
    ...(run.length === 0 ? {} : { runcmd: run }),
  };
  return Object.keys(config).length === 0 ? undefined : config;
}

function hostnameOf(name: string): CloudConfig {
  const [hostname = "", ...domain] = name.split(".");
  return domain.length === 0 ? { hostname } : { hostname, fqdn: name };
}

function account(
  name: string,
  { sshKeys = [], passwordHash }: MachineWishes,
): Readonly<Record<string, ConfigValue>> {
  return {
    name,
    shell: "/bin/bash",
    sudo: "ALL=(ALL) NOPASSWD:ALL",
    ...(sshKeys.length === 0 ? {} : { ssh_authorized_keys: sshKeys }),
    // In the place of `passwd`, it also holds for an account that is there already.
    ...(passwordHash === undefined ? {} : { hashed_passwd: passwordHash, lock_passwd: false }),
  };
}

/** The account that the image itself says, which `users` would need to name. */
function ownAccount({ sshKeys = [], passwordHash }: MachineWishes): CloudConfig {
  return {
    ...(sshKeys.length === 0 ? {} : { ssh_authorized_keys: sshKeys }),
    ...(passwordHash === undefined ? {} : { password: passwordHash, chpasswd: { expire: false } }),
  };
}

function fileOf({ path, content, mode }: WishedFile): ConfigValue {
  return {
    path,
    permissions: mode,
    encoding: "b64",
    content: Buffer.from(content).toString("base64"),
  };
}
