/**
 * What the appliance is told: find the system on a plugged disk, mount it, run a script in it, unmount. Pure
 * text, for busybox' shell.
 *
 * Nothing of the image is executed. The script runs in a chroot, so that symlinks lead where they lead in the image's
 * own system, with the appliance's static busybox as its only program.
 */
import { quoteWord } from "../machine/posix-quote.ts";
import { findDisk, removeDisk } from "../sandbox/posix-files.ts";
import { describeVolumes, findRoot, mountAll } from "./root-script.ts";
import { findVolumes, openVolumes, root, type SystemChoice } from "./volume-script.ts";

/** What else there is to a script. */
export interface EditScriptOptions extends SystemChoice {
  /** A second plugged disk, which is `/dev/data` in the system. */
  readonly dataLun?: number | undefined;
  /** Gives all free space back, and not only what the script frees, which takes longer. @default false */
  readonly trim?: boolean | undefined;
  /**
   * Whether the machine and the overlay go as soon as it is done: nothing is unmounted. @default
   * false
   */
  readonly reading?: boolean;
  /** Tells of all volumes in records `filesystem`. @default false */
  readonly describe?: boolean | undefined;
}

/**
 * The appliance's script for the plugged disk `lun`, for a root shell's standard input. `script` is run by busybox' sh
 * in the image's system, where `/` is its root, and must not read its standard input.
 *
 * It tells what it does in records, see `parseReport`; `script` may print records of its own.
 */
export function editScript(
  lun: number,
  script: string,
  {
    dataLun,
    trim = false,
    reading = false,
    keys = [],
    root: wanted,
    describe = false,
  }: EditScriptOptions = {},
): string {
  return [
    prelude,
    `reading=${reading ? "yes" : ""} trim=${trim ? "yes" : ""}`,
    findDisk("disk", lun),
    findVolumes,
    openVolumes(keys),
    findRoot(wanted),
    mountAll,
    ...(describe ? [describeVolumes] : []),
    ...(dataLun === undefined ? [] : [findDisk("data", dataLun), offerData]),
    `printf %s ${quoteWord(script)} >${root}/dev/script`,
    runScript,
    ...(reading ? [] : [unmount(trim), giveBack(lun)]),
    "tell done",
    "",
  ].join("\n");
}

const prelude = `
set -u
umask 022
tab='	'
# tell KIND FIELD...: one record
tell() {
  printf %s "$1"
  shift
  for field; do printf '\\t%s' "$field"; done
  printf '\\0'
}
# give_up KIND FIELD...: the machine is ended, and what it wrote thrown away
give_up() { tell "$@"; exit 1; }
`;

/** The data disk under its name in the system; as with a copy, the kernel reads far ahead. */
const offerData = `
echo 2048 2>/dev/null >"/sys/block/\${data##*/}/queue/read_ahead_kb"
IFS=: read -r major minor <"/sys/block/\${data##*/}/dev"
mknod -m 600 ${root}/dev/data b "$major" "$minor" || give_up failed "its /dev cannot be filled"
`;

/** `MADE` are the directories that the image has not got. What goes wrong in the script is told as it said it, without what mounted it. */
const runScript = `
env -i PATH=/dev LC_ALL=C MADE="$made" chroot ${root} /dev/busybox sh /dev/script </dev/null || give_up failed
`;

const unmount = (trim: boolean): string => `
umount ${root}/proc && umount ${root}/dev || give_up failed "the script has left a process"
[ -z "$made" ] || rmdir $made
sync
IFS=$tab
for point in $mounted; do
  ${trim ? `fstrim "$point" 2>/dev/null || tell untrimmed "\${point#${root}}/"` : ""}
  umount "$point" || give_up failed "\${point#${root}}/ cannot be unmounted"
done
unset IFS
close_volumes
`;

/** The kernel has the host write what it holds of a disk when it forgets it. */
const giveBack = (lun: number): string =>
  `{ ${removeDisk(lun)} } || give_up failed "the disk cannot be given back"`;
