/**
 * The agent: a shell that stays in the guest and runs what the host writes to it, over virtio ports.
 *
 * SSH does not live through a suspended machine, and its key exchange would cost every resumed one a
 * second under emulation. A port has neither connection nor login, so a resumed machine answers at once.
 *
 *     vmbuild.0   host: one line per order                guest: `ID more`, `ID fed`, `ID exit CODE`
 *     vmbuild.1   host: standard input, in chunks          guest: standard output, then the end mark
 *     vmbuild.2                                            guest: standard error, then the end mark
 *
 * A chunk is a line with its length and then its bytes, since a port has no end of file; a length of 0 is
 * the end. The next one may be sent after `more`.
 */
import { quoteWord } from "../machine/posix-quote.ts";
import { agentPorts } from "../machine/qemu-suspend.ts";

/** The largest chunk; the agent holds one in memory. */
export const chunkBytes = 2 ** 20;

/** The control group that every process of a command is in; there is one command at a time. */
export const jobGroup = "vmbuild-job";

/** What the script prints last when the agent is up. */
export const agentReady = "vmbuild-agent-ready";

const openPorts = String.raw`
exec 3<>"$control" 4<>"$data" 5<>"$errors" 6<"$wakeup"
rm -f "$wakeup"
`;

/** What the agent does with its ports as descriptors 3, 4 and 5, and the wake program as 6. */
export const agentLoop = String.raw`
to=$group
unset group # what was exported stays so until then
group=$to
unset SSH_CLIENT SSH_CONNECTION SSH_TTY agent control data errors wakeup OLDPWD
nl='
'
cd /
umask 022
feed() {
  reader=yes # reads to the end in any case, so that nothing is left for the next one
  while IFS= read -r bytes && [ "$bytes" -gt 0 ]; do
    if [ $reader = yes ]; then dd bs="$bytes" count=1 iflag=fullblock || reader=no
    else dd bs="$bytes" count=1 iflag=fullblock >/dev/null
    fi 2>/dev/null
    echo "$1 more" >&3
  done
  echo "$1 fed" >&3
}
job() {
  ( echo 0 >"$group/cgroup.procs"
    eval "$3" ) >&4 2>&5 3>&- 4>&- 5>&- 6<&-
  code=$?
  printf %s "$2" >&4
  printf %s "$2" >&5
  echo "$1 exit $code" >&3
}
fed() { feed "$1" <&4 | job "$@"; }
unfed() { job "$@" </dev/null; }
stop() { echo 1 >"$group/cgroup.kill"; }
alive() { read -r _ alive <"$group/cgroup.events" && [ "$alive" = 1 ]; }
sweep() {
  tries=500
  while alive && [ $tries -gt 0 ]; do
    stop
    alive || break
    sleep 0.02
    tries=$((tries - 1))
  done
  for below in "$group"/*/; do
    [ -d "$below" ] && find "$group" -depth -mindepth 1 -type d -exec rmdir {} +
    break
  done 2>/dev/null
  ! alive
  echo "$1 exit $?" >&3
}
wake() {
  printf "$2" | /proc/self/fd/6
  echo "$1 exit $?" >&3
}
while :; do
  while IFS= read -r line <&3; do eval "$line"; done
  sleep 1
done
`;

/**
 * A script for a root shell that starts the agent and prints {@link agentReady}, or says on standard
 * error why it cannot. Commands may call the shell's `functions`; they are sent but once. `program` is put where nothing is kept on a disk, and its name is gone when the
 * agent runs.
 */
export function startAgentScript(program: Buffer, functions: string): string {
  const agent = functions + openPorts + agentLoop;
  return String.raw`
fail() { echo "$1" >&2; exit 1; }
port() {
  for port in /sys/class/virtio-ports/*; do
    [ -e "$port/name" ] && read -r name <"$port/name" && [ "$name" = "$1" ] && [ -c "/dev/${"$"}{port##*/}" ] &&
      echo "/dev/${"$"}{port##*/}" && return
  done
  return 1
}
modprobe virtio_console 2>/dev/null
tries=100
until port ${agentPorts.errors} >/dev/null || [ "$tries" = 0 ]; do
  sleep 0.1
  tries=$((tries - 1))
done
control=$(port ${agentPorts.control}) && data=$(port ${agentPorts.data}) && errors=$(port ${agentPorts.errors}) ||
  fail 'the guest has no driver for virtio ports'
groups=/sys/fs/cgroup
[ -e $groups/cgroup.procs ] || mount -t cgroup2 cgroup2 $groups 2>/dev/null
[ -e $groups/cgroup.procs ] || fail 'the guest has no control groups, version 2'
group=$groups/${jobGroup}
mkdir -p $groups/vmbuild-agent $group
[ -e $group/cgroup.kill ] || fail 'the guest is older than Linux 5.14'
for dir in /dev/shm /run; do
  wakeup=$dir/.vmbuild-wakeup
  printf ${quoteWord(octal(program))} >$wakeup 2>/dev/null && chmod 700 $wakeup
  $wakeup </dev/null >/dev/null 2>&1
  [ $? = 1 ] && break # it ran, and had nothing to read
  rm -f $wakeup
done
[ -e $wakeup ] || fail 'nothing can be executed from /dev/shm or /run in the guest'
export control data errors wakeup group agent
agent=${quoteWord(agent)}
(
  echo 0 >$groups/vmbuild-agent/cgroup.procs
  exec setsid /bin/sh -c 'eval "$agent"' vmbuild-agent </dev/null >/dev/null 2>&1
) &
echo ${agentReady}
`;
}

/** Bytes as a shell's `printf` takes them. */
export function octal(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
}
