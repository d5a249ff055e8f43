/**
 * Commands and scripts that move files in and out of a Windows guest with the tar.exe it comes with (a bsdtar).
 * Pure text. Command lines are for an SSH server whose shell is cmd.exe.
 */
import type { CopyItem } from "../plan/step.ts";
import { powershellText } from "./powershell.ts";

const tar = String.raw`%SystemRoot%\System32\tar.exe`;

/**
 * Our archives' names are UTF-8, which bsdtar would take for the guest's code page. `-P` lets it go through
 * symbolic links, which a path in the guest may have.
 */
const unpack = `${tar} -x -P -f - --options hdrcharset=UTF-8`;

/** Prints one `0` or `1` per path, without separators: whether it is a directory already. */
export function windowsDirectoryTests(paths: readonly string[]): string {
  return [
    "$answer=New-Object Text.StringBuilder",
    ...paths.map(
      (path) => `[void]$answer.Append([int][IO.Directory]::Exists(${powershellText(path)}))`,
    ),
    "[Console]::Out.Write($answer.ToString())",
    "",
  ].join("\n");
}

/** Unpacks standard input below the root of the drive that `items` go to. */
export function windowsUnpack(items: readonly CopyItem[]): string {
  return `${unpack} -C ${driveOf(items[0]?.destination ?? "")}\\`;
}

function driveOf(path: string): string {
  return /^[A-Za-z]:/.exec(path)?.[0] ?? "C:";
}

/**
 * What of a copy Windows cannot have as it is, in words: tar.exe would give such a file another name, or write two
 * files into one, and say nothing.
 */
export function windowsNameProblem(items: readonly CopyItem[]): string | undefined {
  const seen = new Map<string, string>();
  for (const { destination, manifest } of items) {
    const drive = driveOf(destination);
    if (!/^[A-Za-z]:\//.test(destination)) return `${destination} is not on a drive`;
    for (const { path } of manifest.entries) {
      const whole = path === "" ? destination : `${destination.replace(/\/$/, "")}/${path}`;
      const why = whole.slice(drive.length).split("/").map(badComponent).find(Boolean);
      if (why !== undefined) return `${whole}: ${why}`;
      const twin = seen.get(whole.toLowerCase());
      if (twin !== undefined && twin !== whole) {
        return `${twin} and ${whole} differ in case only, and Windows makes no difference`;
      }
      seen.set(whole.toLowerCase(), whole);
    }
  }
  return undefined;
}

function badComponent(name: string): string | undefined {
  // eslint-disable-next-line no-control-regex
  const character = /[<>:"|?*\\\x00-\x1f]/.exec(name)?.[0];
  if (character !== undefined) return `a name in Windows has no ${JSON.stringify(character)}`;
  if (/[. ]$/.test(name) && name !== "." && name !== "..") {
    return "a name in Windows does not end in a dot or a space";
  }
  const device = /^(con|prn|aux|nul|com[1-9]|lpt[1-9])(\.|$)/i.exec(name)?.[1];
  return device === undefined ? undefined : `${device} names a device in Windows`;
}

/** One cache in the guest. */
export interface WindowsCache {
  readonly index: number;
  /** With a drive and backslashes. */
  readonly target: string;
}

/** What of a cache's target cannot be written on a command line, in words. */
export function windowsTargetProblem(target: string): string | undefined {
  if (!/^[A-Za-z]:\\[^\\]/.test(target)) return "it must be a directory below the root of a drive";
  // Nothing quotes `%` in a command that is no batch file.
  if (target.includes("%")) return "its path has a %, which cmd.exe would take for a variable";
  return target.slice(3).split("\\").map(badComponent).find(Boolean);
}

function madeList({ index }: WindowsCache): string {
  return `C:\\.vmbuild\\made-${index}`;
}

/** Where the guest's own directory is while a cache is in its place. */
function hidden({ index, target }: WindowsCache): string {
  return `${target}.vmbuild-${index}`;
}

/**
 * Puts an empty directory in the target's place. What was there is renamed; directories that had to be made are
 * noted, so that {@link windowsDetach} can take just those away.
 */
export function windowsAttach(cache: WindowsCache): string {
  return [
    "$ErrorActionPreference='Stop'",
    `$target=${powershellText(cache.target)}`,
    "$root=[IO.Path]::GetPathRoot($target)",
    'if(-not[IO.Directory]::Exists($root)){throw "there is no drive $root"}',
    'if([IO.File]::Exists($target)){throw "$target is not a directory"}',
    "$made=@();$path=$target",
    "while(-not[IO.Directory]::Exists($path)){$made+=$path;$path=[IO.Path]::GetDirectoryName($path)}",
    "[void][IO.Directory]::CreateDirectory('C:\\.vmbuild')",
    `[IO.File]::WriteAllLines(${powershellText(madeList(cache))},[string[]]$made)`,
    `if($made.Count -eq 0){[IO.Directory]::Move($target,${powershellText(hidden(cache))})}`,
    "[void][IO.Directory]::CreateDirectory($target)",
    "",
  ].join("\n");
}

/** Fills the cache from the tar stream on standard input. */
export function windowsFill({ target }: WindowsCache): string {
  return `${unpack} -C "${target}"`;
}

/** Writes the cache's content to standard output as a tar stream. */
export function windowsSave({ target }: WindowsCache): string {
  return `${tar} -c -f - -C "${target}" .`;
}

/** Empties the target; `rd` also removes what is read-only, and no more than the link of a junction. */
export function windowsRemove({ target }: WindowsCache): string {
  return `rd /s /q "${target}"`;
}

/** Leaves the target as it was, once {@link windowsRemove} has removed it. */
export function windowsDetach(cache: WindowsCache): string {
  const list = powershellText(madeList(cache));
  return [
    "$ErrorActionPreference='Stop'",
    `$target=${powershellText(cache.target)}`,
    `$hidden=${powershellText(hidden(cache))}`,
    'if([IO.Directory]::Exists($target)){throw "$target cannot be removed: something in it is in use"}',
    "if([IO.Directory]::Exists($hidden)){[IO.Directory]::Move($hidden,$target)}",
    `foreach($path in [IO.File]::ReadAllLines(${list})){`,
    "if([IO.Directory]::Exists($path)){try{[IO.Directory]::Delete($path)}catch{break}}}",
    `[IO.File]::Delete(${list})`,
    "try{[IO.Directory]::Delete('C:\\.vmbuild')}catch{}",
    "",
  ].join("\n");
}
