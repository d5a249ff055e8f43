/**
 * The part of a seed that is vmbuild's own: it tells the host how cloud-init ends.
 *
 * It is in the vendor-data, so that the user's user-data is given to cloud-init as it is. It is a boot hook, which
 * cloud-init runs before it installs packages or runs what the user wants run, on every boot: the host hears at once
 * that there is a cloud-init. A guest that has no port of that name, because somebody else boots the image later, runs it
 * to no effect.
 */
import { type Part, multipart } from "./multipart.ts";

/** The virtio-serial port over which a guest reports. */
export const reportPort = "vmbuild.report";

/** Where a task leaves its exit status for the report, in the guest. */
export const taskStatusPath = "/run/vmbuild-task-status";

/** What of a log is sent. */
const logBytes = 64 * 1024;

/**
 * The script of the hook. What it prints is one JSON object a line, with texts in base64, since a shell has nothing that
 * quotes for JSON:
 *
 *     {"event":"started"}
 *     {"event":"ended","status":TEXT,"warnings":TEXT,"output":TEXT,"task":NUMBER}
 *
 * `status` is cloud-init's `status.json`, or what `cloud-init status` says where cloud-init did not end by itself; `warnings` are of this boot, from cloud-init's log; `task` may be missing.
 *
 * It does not stop with the other services when the system shuts down, as a user-data with `power_state` makes it do as
 * soon as cloud-init is done, but when all that is left is told to end: then it says what there is to say and ends.
 */
export const reporterScript = String.raw`#!/bin/sh
# Tells vmbuild, at the other end of a virtio port, how cloud-init ends. Does nothing where there is no such port.
if [ "$1" != watch ]; then
  mkdir /run/vmbuild-report 2>/dev/null || exit 0
  # cloud-init waits for its hooks. Dependencies would make this one wait for cloud-init, and stop too early.
  if [ -d /run/systemd/system ] &&
    systemd-run --quiet --collect --no-block --property=DefaultDependencies=no /bin/sh "$0" watch; then
    exit 0
  fi
  if command -v setsid >/dev/null; then setsid /bin/sh "$0" watch </dev/null >/dev/null 2>&1 &
  else /bin/sh "$0" watch </dev/null >/dev/null 2>&1 &
  fi
  exit 0
fi

find_port() {
  for known in /sys/class/virtio-ports/*; do
    read -r name <"$known/name" || continue
    port=/dev/${"$"}{known##*/}
    [ "$name" = ${reportPort} ] && [ -c "$port" ] && return
  done
  return 1
}
tries=10
until find_port 2>/dev/null; do
  [ $tries -gt 0 ] || exit 0
  tries=$((tries - 1))
  sleep 1
done
exec 3>"$port"
echo '{"event":"started"}' >&3

# It is over when there is a result: "cloud-init status --wait" of older versions returns at the first error, while
# cloud-init goes on. A final stage that breaks down leaves none.
ending=
trap 'ending=yes' TERM
rounds=0
until [ -e /run/cloud-init/result.json ] || [ -n "$ending" ]; do
  sleep 0.3 2>/dev/null || sleep 1
  rounds=$((rounds + 1))
  [ $((rounds % 30)) = 0 ] && command -v systemctl >/dev/null &&
    systemctl --quiet is-failed cloud-final.service cloud-init-main.service && break
done
if [ -e /run/cloud-init/result.json ]; then
  # What "cloud-init status" reads, without the seconds that Python takes to start in an emulated guest.
  status=$(cat /run/cloud-init/status.json)
else
  status=$(cloud-init status --format json 2>/dev/null)
  # Before version 22.2.
  [ -n "$status" ] || status=$(cloud-init status --long 2>&1)
fi
encode() { tail -c ${logBytes} | base64 | tr -d '\n'; }
warnings=$(awk '/running .init-local./ { text = "" }
  /\[(WARNING|ERROR|CRITICAL)\]: / { text = text $0 "\n" }
  END { printf "%s", text }' /var/log/cloud-init.log 2>/dev/null | encode)
output=$(encode </var/log/cloud-init-output.log 2>/dev/null)
task=$(cat ${taskStatusPath} 2>/dev/null)
case $task in
  '' | *[!0-9]*) task= ;;
  *) task=,\"task\":$task ;;
esac
printf '{"event":"ended","status":"%s","warnings":"%s","output":"%s"%s}\n' \
  "$(printf %s "$status" | encode)" "$warnings" "$output" "$task" >&3
`;

/** A vendor-data with the reporter, with more of vmbuild's own, and with what the user's says. */
export function reportingVendorData(
  vendorData: Uint8Array | undefined,
  more: readonly Part[] = [],
): Buffer {
  const reporter: Part = {
    content: Buffer.from(reporterScript),
    type: "text/cloud-boothook",
    filename: "vmbuild-report",
  };
  const parts = [reporter, ...more];
  const isEmpty = vendorData === undefined || Buffer.from(vendorData).toString().trim() === "";
  return multipart(isEmpty ? parts : [...parts, { content: vendorData }]);
}
