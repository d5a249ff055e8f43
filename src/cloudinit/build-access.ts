/** What cloud-init is told of a system that builds are to log into. Pure. */

export interface BuildAccess {
  /** The key that logs in as root, as a line of `authorized_keys`. */
  readonly publicKey: string;
  /** The key by which the system's SSH server is known. */
  readonly hostKey: {
    /** As OpenSSH writes it, in one line. */
    readonly publicKey: string;
    /** As OpenSSH's server reads it. */
    readonly openssh: string;
  };
}

/** Units that begin something by themselves, which would make two builds of one spec differ. */
const restless = [
  "apt-daily.timer",
  "apt-daily-upgrade.timer",
  "dnf-makecache.timer",
  "dpkg-db-backup.timer",
  "e2scrub_all.timer",
  "fstrim.timer",
  "fwupd-refresh.timer",
  "man-db.timer",
  "motd-news.timer",
  "plocate-updatedb.timer",
  "unattended-upgrades.service",
  "update-notifier-download.timer",
  "update-notifier-motd.timer",
];

/**
 * The user-data that lets a build in: as root, since that leaves every other account and id to the spec; with a host key
 * that is known before; and with a system that stays as it is while nobody does anything.
 *
 * No account is made, also not the one that the image itself says. An image may leave a module out that does one of
 * this: whoever makes a base image of it logs in once to see.
 */
export function buildAccessUserData({ publicKey, hostKey }: BuildAccess): Uint8Array {
  const config = {
    users: [{ name: "root", ssh_authorized_keys: [publicKey] }],
    disable_root: false,
    ssh_keys: { ed25519_private: hostKey.openssh, ed25519_public: hostKey.publicKey },
    write_files: [
      {
        // The first that says something wins, and this directory is read first.
        path: "/etc/ssh/sshd_config.d/00-vmbuild.conf",
        content: "PermitRootLogin prohibit-password\n",
      },
    ],
    // One by one: together they fail when one of them is no unit of this system.
    runcmd: restless.map((unit) => `systemctl --quiet disable --now ${unit} 2>/dev/null || :`),
  };
  // Every JSON text is YAML.
  return Buffer.from(`#cloud-config\n${JSON.stringify(config, undefined, 2)}\n`);
}
