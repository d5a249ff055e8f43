/**
 * What is taken out of an image before it is cloned, as data: each operation is a snippet for a POSIX shell, run in a
 * subshell with `set -eu` after the functions of `seal-script.ts`. Paths begin with `$root`, which is empty in the image
 * and a directory in a test.
 *
 * Names that virt-sysprep has mean what they mean there.
 */
export interface SealOperation {
  readonly name: string;
  /** One line, beginning in lower case. */
  readonly description: string;
  /** Whether it is done unless something else is said. */
  readonly isDefault: boolean;
  readonly script: string;
}

/** Every operation, in the order in which they are done. */
export const sealOperations: readonly SealOperation[] = [
  {
    name: "machine-id",
    description: "empty /etc/machine-id, so that each clone gets its own at its first boot",
    isDefault: true,
    script: `
id=$root/etc/machine-id
[ ! -f "$id" ] || [ "$(cat "$id")" = uninitialized ] || empty_through "$id"
# A link to the other one stays good; without it, D-Bus takes /etc/machine-id.
[ -L "$id" ] || [ -L "$root/var/lib/dbus/machine-id" ] || remove "$root/var/lib/dbus/machine-id"
`,
  },
  {
    name: "ssh-hostkeys",
    description: "remove the SSH server's host keys",
    isDefault: true,
    script: `
is_there=
for key in "$root"/etc/ssh/ssh_host_*key* "$root"/etc/dropbear/dropbear_*_host_key; do
  [ ! -f "$key" ] || is_there=yes
  remove "$key"
done
makes_keys() {
  [ ! -e "$root/usr/bin/cloud-init" ] || [ -e "$root/etc/cloud/cloud-init.disabled" ] || return 0
  for unit in "$root"/usr/lib/systemd/system/*ssh*keygen* "$root"/lib/systemd/system/*ssh*keygen* \\
    "$root"/etc/systemd/system/*ssh*key*; do
    [ ! -e "$unit" ] || return 0
  done
  grep -qs -e 'ssh-keygen' -e 'dropbearkey' -e 'dropbear .*-R' \\
    "$root"/etc/init.d/* "$root"/etc/rc.local "$root"/etc/inittab
}
[ -z "$is_there" ] || makes_keys ||
  note "no SSH server starts before somebody makes host keys: neither cloud-init nor a service of this image does"
`,
  },
  {
    name: "cloud-init",
    description:
      "remove what cloud-init knows of the instance, so that it begins anew; its seed stays",
    isDefault: true,
    script: `
cloud=$root/var/lib/cloud
remove "$cloud/data" "$cloud/instance" "$cloud/instances" "$cloud/sem" "$cloud/scripts/vendor"
remove "$root"/var/log/cloud-init*.log*
`,
  },
  {
    name: "build-key",
    description: "remove the key by which vmbuild logs in from every authorized_keys",
    isDefault: true,
    script: `
forget_in() {
  [ -f "$1" ] && [ ! -L "$1" ] || return 0
  for key in $build_keys; do
    grep -qF -e "$key" "$1" || continue
    kept=$(grep -vF -e "$key" "$1" || :)
    if printf '%s\\n' "$kept" | grep -q '^[[:space:]]*[^#[:space:]]'; then
      printf '%s\\n' "$kept" >"$1"
      tell_path changed "$1"
    else
      remove "$1"
      return 0
    fi
  done
}
forget_of() {
  for file in "$1"/.ssh/authorized_keys "$1"/.ssh/authorized_keys2; do forget_in "$file"; done
}
each_home forget_of
for file in "$root"/etc/dropbear/authorized_keys "$root"/etc/ssh/authorized_keys "$root"/etc/ssh/authorized_keys/*; do
  forget_in "$file"
done
`,
  },
  {
    name: "random-seed",
    description: "remove saved random seeds, which no two machines may begin with",
    isDefault: true,
    script: `
remove "$root/var/lib/systemd/random-seed" "$root/var/lib/random-seed" "$root/var/lib/urandom/random-seed" \\
  "$root/var/lib/misc/random-seed" "$root/var/lib/seedrng" \\
  "$root/boot/loader/random-seed" "$root/boot/efi/loader/random-seed" "$root/efi/loader/random-seed"
`,
  },
  {
    name: "dhcp-client-state",
    description: "remove DHCP leases and what a client is known by",
    isDefault: true,
    script: `
remove "$root"/var/lib/dhcp/*lease* "$root"/var/lib/dhclient/*lease* "$root"/var/lib/dhcpcd/*.lease* \\
  "$root/var/lib/dhcpcd/duid" "$root/var/lib/dhcpcd/secret" "$root/etc/dhcpcd.duid" "$root/etc/dhcpcd.secret"
remove "$root"/var/lib/NetworkManager/*.lease "$root/var/lib/NetworkManager/secret_key" \\
  "$root/var/lib/NetworkManager/timestamps" "$root/var/lib/NetworkManager/seen-bssids"
`,
  },
  {
    name: "net-hwaddr",
    description: "remove hardware addresses from ifcfg files (Fedora, RHEL)",
    isDefault: true,
    script: `
for file in "$root"/etc/sysconfig/network-scripts/ifcfg-*; do
  [ -f "$file" ] && grep -q '^HWADDR=' "$file" || continue
  kept=$(grep -v '^HWADDR=' "$file" || :)
  printf '%s\\n' "$kept" >"$file"
  tell_path changed "$file"
done
`,
  },
  {
    name: "udev-persistent-net",
    description: "remove udev's rules that name network cards by hardware address",
    isDefault: true,
    script: `remove "$root/etc/udev/rules.d/70-persistent-net.rules"`,
  },
  {
    name: "logfiles",
    description: "empty the logs, remove rotated ones and the journal",
    isDefault: true,
    script: `
remove_in "$root/var/log/journal"
# A function's variables are the script's, so nothing is used after it has called itself.
sweep() {
  for entry in "$1"/* "$1"/.[!.]*; do
    if [ -L "$entry" ]; then continue; fi
    if [ -d "$entry" ]; then sweep "$entry"; continue; fi
    [ -f "$entry" ] || continue
    case $entry in
    *.gz | *.xz | *.zst | *.bz2 | *.lz4 | *.old | *.[0-9] | *.[0-9][0-9] | \\
      *-[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]) remove "$entry" ;;
    *) empty "$entry" ;;
    esac
  done
}
sweep "$root/var/log"
remove "$root/root/anaconda-ks.cfg" "$root/root/original-ks.cfg" "$root/root/install.log" \\
  "$root/root/install.log.syslog" "$root/var/lib/wtmpdb/wtmp.db" "$root/var/lib/lastlog/lastlog2.db"
`,
  },
  {
    name: "bash-history",
    description: "remove what shells and other programs remember of what users typed",
    isDefault: true,
    script: `
forget_of() {
  for name in .bash_history .zsh_history .ash_history .sh_history .history .lesshst .viminfo .python_history \\
    .mysql_history .psql_history .sqlite_history .node_repl_history .wget-hsts; do
    [ ! -f "$1/$name" ] || remove "$1/$name"
  done
}
each_home forget_of
`,
  },
  {
    name: "tmp-files",
    description: "remove what is in /tmp and /var/tmp",
    isDefault: true,
    script: `remove_in "$root/tmp" "$root/var/tmp"`,
  },
  {
    name: "crash-data",
    description: "remove crash reports and core dumps",
    isDefault: true,
    script: `remove_in "$root/var/crash" "$root/var/lib/systemd/coredump" "$root/var/spool/abrt"`,
  },
  {
    name: "mail-spool",
    description: "remove mail that has come to local users",
    isDefault: true,
    script: `remove_in "$root/var/spool/mail" "$root/var/mail"`,
  },
  {
    name: "passwd-backups",
    description: "remove the former versions of /etc/passwd, shadow, group and the like",
    isDefault: true,
    script: `
for name in passwd shadow group gshadow subuid subgid; do remove "$root/etc/$name-"; done
`,
  },
  {
    name: "package-manager-cache",
    description: "remove packages that were downloaded; what is known of those there are stays",
    isDefault: true,
    script: `
remove "$root"/var/cache/apt/archives/*.deb "$root"/var/cache/apt/archives/partial/* "$root"/var/cache/apt/*.bin
remove_in "$root/var/cache/dnf" "$root/var/cache/libdnf5" "$root/var/cache/yum" "$root/var/cache/PackageKit" \\
  "$root/var/cache/zypp/packages" "$root/var/cache/pacman/pkg"
`,
  },
  {
    name: "rh-subscription",
    description: "remove what the system is known by at Red Hat's subscription service",
    isDefault: true,
    script: `
remove_in "$root/etc/pki/consumer" "$root/etc/pki/entitlement"
remove "$root/etc/sysconfig/rhn/systemid"
`,
  },
  {
    name: "package-lists",
    description: "remove apt's lists: nothing can be installed then before `apt-get update`",
    isDefault: false,
    script: `
for entry in "$root"/var/lib/apt/lists/*; do
  case \${entry##*/} in lock | partial) ;; *) remove "$entry" ;; esac
done
remove "$root"/var/lib/apt/lists/partial/*
`,
  },
  {
    name: "ssh-userdir",
    description: "remove every user's .ssh directory: nobody can log in by a key then",
    isDefault: false,
    script: `
forget_of() { remove "$1/.ssh"; }
each_home forget_of
`,
  },
];
