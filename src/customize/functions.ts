/** The shell functions that operations use, run by busybox' sh in the image's system. */

/** Of every script. `op` is what a person calls the operation that is under way. */
export const commonFunctions = `
umask 022
fail() { echo "$1" >&2; exit 1; }
note() { printf 'note\\t%s\\0' "$1"; }
# data OFFSET BYTES FILE: writes what the host has brought; the offset is in MiB
data() {
  dd if=/dev/data of="$3" bs=1M skip="$1" count=$((($2 + 1048575) / 1048576)) 2>/dev/null &&
    truncate -s "$2" "$3" || fail "$3 could not be written"
}
# parent FILE: there must be a directory that it can be in
parent() {
  case $1 in */) fail "$1 names a directory" ;; esac
  [ -d "\${1%/*}/" ] || fail "there is no directory \${1%/*}"
  [ ! -d "$1" ] || fail "$1 is a directory"
}
file() {
  [ ! -d "$1" ] || fail "$1 is a directory"
  [ -f "$1" ] || fail "there is no file $1"
}
# account USER: its line of passwd, into uid, gid and home
account() {
  line=$(grep "^$1:" /etc/passwd 2>/dev/null) || fail "the image has no user $1"
  IFS=: read -r _ _ uid gid _ home _ <<LINE
$line
LINE
}
# copy_in OFFSET DIR: dd goes to where tar begins to read
copy_in() {
  [ -d "$2" ] || fail "there is no directory $2"
  { dd of=/dev/null bs=1M skip="$1" count=0 2>/dev/null; tar -x -p -f - -C "$2"; } </dev/data ||
    fail 'it could not be unpacked'
}
# upload OFFSET BYTES FILE MODE OWNER
upload() {
  parent "$3"
  data "$1" "$2" "$3"
  chown "$5" "$3"
  chmod "$4" "$3"
}
append_line() {
  parent "$1"
  if [ -s "$1" ] && [ -n "$(tail -c 1 "$1")" ]; then echo >>"$1"; fi
  printf '%s\\n' "$2" >>"$1"
}
remove() {
  for path; do
    if [ -e "$path" ] || [ -L "$path" ]; then
      case $path in /) fail 'this is the whole image' ;; esac
      rm -rf -- "$path"
    fi
  done
}
make_link() {
  [ ! -d "$2" ] || [ -L "$2" ] || fail "$2 is a directory"
  ln -s -f -n -- "$1" "$2"
}
set_hostname() {
  before=
  if [ -f /etc/hostname ]; then read -r before </etc/hostname || :; fi
  printf '%s\\n' "$1" >/etc/hostname
  if [ -f /etc/sysconfig/network ] && grep -q '^HOSTNAME=' /etc/sysconfig/network; then
    sed -i "s/^HOSTNAME=.*/HOSTNAME=$1/" /etc/sysconfig/network
  fi
  # Debian has a line for it, without which sudo waits for a name server.
  if [ -n "$before" ] && [ -f /etc/hosts ]; then
    old=$(printf %s "$before" | sed 's/[^A-Za-z0-9-]/\\\\&/g')
    sed -i "/^127\\.0\\.1\\.1[[:space:]]/s/\\([[:space:]]\\)$old\\([[:space:].]\\|$\\)/\\1$1\\2/g" /etc/hosts
  fi
}
set_timezone() {
  [ -f "/usr/share/zoneinfo/$1" ] || fail "the image has no time zone $1 in /usr/share/zoneinfo"
  rm -f /etc/localtime
  ln -s "../usr/share/zoneinfo/$1" /etc/localtime
  [ ! -f /etc/timezone ] || printf '%s\\n' "$1" >/etc/timezone
}
# set_password USER HOW HASH: hash, or lock what is there
set_password() {
  account "$1"
  [ -f /etc/shadow ] && grep -q "^$1:" /etc/shadow || fail "the image keeps no password of $1 in /etc/shadow"
  day=$(($(date +%s) / 86400))
  # In another file first: half of this one would lock everybody out.
  USER=$1 HOW=$2 HASH=$3 DAY=$day awk 'BEGIN { FS = OFS = ":" }
    $1 == ENVIRON["USER"] {
      if (ENVIRON["HOW"] == "lock") { if ($2 !~ /^!/) $2 = "!" $2 }
      else { $2 = ENVIRON["HASH"]; $3 = ENVIRON["DAY"] }
    }
    { print }' /etc/shadow >/etc/.shadow-new
  cat /etc/.shadow-new >/etc/shadow
  rm /etc/.shadow-new
}
inject_key() {
  account "$1"
  [ -d "$home" ] || fail "$1 has no home directory $home"
  dir=$home/.ssh
  if [ ! -d "$dir" ]; then
    mkdir "$dir"
    chmod 700 "$dir"
    chown "$uid:$gid" "$dir"
  fi
  keys=$dir/authorized_keys
  [ -f "$keys" ] || { : >"$keys"; chmod 600 "$keys"; chown "$uid:$gid" "$keys"; }
  grep -q -x -F "$2" "$keys" || append_line "$keys" "$2"
}
`;

/**
 * Running what the image brings: with its own shell and file systems, in a space of processes and mounts of its own,
 * with which everything goes that a command leaves running or mounted.
 */
export const programFunctions = `
for entry in zero:5 full:7 random:8 urandom:9; do
  mknod -m 666 "/dev/\${entry%:*}" c 1 "\${entry#*:}"
done
mknod -m 666 /dev/tty c 5 0
mkdir -m 1777 /dev/shm
mkdir /dev/pts
ln -s pts/ptmx /dev/ptmx
ln -s /proc/self/fd /dev/fd
for entry in stdin:0 stdout:1 stderr:2; do ln -s "/proc/self/fd/\${entry#*:}" "/dev/\${entry%:*}"; done

# What is around a command; its arguments are the command.
cat >/dev/within <<'WITHIN'
mount -t proc proc /proc
[ ! -d /sys ] || mount -t sysfs -o ro sysfs /sys
mount -t devpts -o ptmxmode=666 devpts /dev/pts
[ ! -d /run ] || mount -t tmpfs -o mode=755 tmpfs /run
[ -d /tmp ] || mkdir -m 1777 /tmp
if [ -e /dev/network ]; then
  name=/etc/resolv.conf
  # Where it leads is made by a service that does not run here.
  target=$(readlink -f "$name") || { target=$(readlink "$name") && case $target in /*) ;; *) target=/etc/$target ;; esac; } || target=$name
  [ -e "$target" ] || { mkdir -p "\${target%/*}" && : >"$target" && printf %s "$target" >/dev/made; }
  printf 'nameserver 10.0.2.3\\n' >/dev/resolv.conf
  mount -o bind /dev/resolv.conf "$target"
fi
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root USER=root LOGNAME=root \\
  SHELL=/bin/sh TERM=dumb LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
WITHIN

# processor FILE: the part of an ELF file that tells what runs it
processor() { hexdump -v -s 18 -n 2 -e '1/1 "%02x"' "$1" 2>/dev/null; }

# inside COMMAND...: tells what it prints while it does
inside() {
  shell=$(readlink -f /bin/sh) && [ -f "$shell" ] || fail 'the image has no /bin/sh'
  [ "$(processor "$shell")" = "$(processor /dev/busybox)" ] ||
    fail "the image's programs are for another processor than the machine that edits it"
  printf 'output\\t%s\\t' "$op"
  {
    unshare -m -p -f /dev/busybox sh /dev/within "$@" </dev/null 2>&1 && status=0 || status=$?
    echo "$status" >/dev/status
  } | tr '\\000\\t' '  '
  printf '\\0'
  if [ -f /dev/made ]; then
    made=$(cat /dev/made)
    [ -s "$made" ] || rm -f "$made"
    rm /dev/made
  fi
  read -r status </dev/status
  [ "$status" = 0 ] && return
  printf 'exit\\t%s\\0' "$status"
  fail "the exit status is $status"
}

# packages install|uninstall|update NAME...: by the package manager there is
packages() {
  what=$1
  shift
  for manager in apt-get dnf yum zypper apk pacman; do
    for dir in /usr/bin /usr/sbin /bin /sbin; do
      [ -x "$dir/$manager" ] && break 2
    done
    manager=
  done
  case $manager:$what in
  apt-get:install) inside sh -c 'apt-get -q update && exec apt-get -q -y -o Dpkg::Options::=--force-confnew install "$@"' sh "$@" ;;
  apt-get:uninstall) inside apt-get -q -y remove "$@" ;;
  apt-get:update) inside sh -c 'apt-get -q update && exec apt-get -q -y -o Dpkg::Options::=--force-confnew upgrade' ;;
  dnf:install | yum:install) inside $manager -y install "$@" ;;
  dnf:uninstall | yum:uninstall) inside $manager -y remove "$@" ;;
  dnf:update | yum:update) inside $manager -y update ;;
  zypper:install) inside zypper -n in -l "$@" ;;
  zypper:uninstall) inside zypper -n rm "$@" ;;
  zypper:update) inside zypper -n up -l ;;
  apk:install) inside apk --no-progress --update-cache add "$@" ;;
  apk:uninstall) inside apk del "$@" ;;
  apk:update) inside apk --no-progress --update-cache upgrade ;;
  pacman:install) inside pacman -Sy --noconfirm "$@" ;;
  pacman:uninstall) inside pacman -R --noconfirm "$@" ;;
  pacman:update) inside pacman -Syu --noconfirm ;;
  *) fail 'the image has no package manager that is known: apt-get, dnf, yum, zypper, apk, pacman' ;;
  esac
}
# edit FILE EXPRESSION
edit() {
  file "$1"
  [ -x /usr/bin/perl ] || fail 'the image has no perl to do it; --run-command with sed may'
  cp "$1" /dev/edited
  inside perl -i -pe "$2" /dev/edited
  cat /dev/edited >"$1"
}
# run_program OFFSET BYTES
run_program() {
  data "$1" "$2" /dev/program
  chmod 700 /dev/program
  inside /dev/program
  rm /dev/program
}
`;

/** What a first boot does is kept in the image until then. */
export const firstBootFunctions = `
first=/usr/lib/vmbuild/firstboot
first_boot() {
  [ -d /etc/systemd/system ] || [ -d /usr/lib/systemd/system ] || [ -d /lib/systemd/system ] ||
    fail 'the image has no systemd, which would run it'
  mkdir -p "$first.d" /etc/systemd/system/multi-user.target.wants
  cat >"$first" <<'FIRST'
#!/bin/sh
# Runs what was left for the first boot by the one who made this image, in order, each once.
for script in /usr/lib/vmbuild/firstboot.d/*; do
  [ -f "$script" ] || continue
  running=/usr/lib/vmbuild/running
  mv "$script" "$running"
  echo "=== $script"
  "$running"
  echo "=== exit status $?"
  rm -f "$running"
done >>/var/log/vmbuild-firstboot.log 2>&1
FIRST
  chmod 755 "$first"
  cat >/etc/systemd/system/vmbuild-firstboot.service <<'UNIT'
[Unit]
Description=What was left for the first boot of this image
After=network-online.target
Wants=network-online.target
ConditionDirectoryNotEmpty=/usr/lib/vmbuild/firstboot.d

[Service]
Type=oneshot
ExecStart=/usr/lib/vmbuild/firstboot
RemainAfterExit=yes
StandardOutput=journal+console

[Install]
WantedBy=multi-user.target
UNIT
  ln -s -f ../vmbuild-firstboot.service /etc/systemd/system/multi-user.target.wants/vmbuild-firstboot.service
  count=$(ls "$first.d" | wc -l)
  script=$first.d/$(printf %04d $((count + 1)))
  while [ -e "$script" ]; do script=$script-1; done
}
# first_boot_data OFFSET BYTES
first_boot_data() {
  first_boot
  data "$1" "$2" "$script"
  chmod 755 "$script"
}
first_boot_command() {
  first_boot
  printf '#!/bin/sh\\n%s\\n' "$1" >"$script"
  chmod 755 "$script"
}
`;
