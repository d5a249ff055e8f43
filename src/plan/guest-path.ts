/**
 * Paths inside a guest, as text: the guest is not there to ask.
 *
 * `..` is kept, because behind a symlink `a/../b` is not `b`. A path that starts with a drive
 * (`C:\`, `C:/`) is a Windows path, and so is everything relative to one; there `D:x` is below the root of
 * `D:`, or below the base when that is on the drive, as for a program that has just been started.
 */
const DRIVE = /^[A-Za-z]:[\\/]/;

/**
 * The absolute path that `path` means when the working directory is `base` (absolute itself).
 *
 * The result has no empty and no `.` components and no trailing separator. Windows paths come back
 * with `\`; `/x` and `\x` there are on the drive of `base`.
 */
export function resolveGuestPath(base: string, path: string): string {
  if (DRIVE.test(path)) return windowsPath(path);
  if (DRIVE.test(base)) {
    const onDrive = /^([A-Za-z]:)(.*)$/s.exec(path);
    if (onDrive !== null) {
      const [, drive = "", rest = ""] = onDrive;
      const isSame = drive.toLowerCase() === base.slice(0, 2).toLowerCase();
      return windowsPath(`${isSame ? base : drive}\\${rest}`);
    }
    const rooted = /^[\\/]/.test(path);
    return windowsPath(rooted ? base.slice(0, 2) + path : `${base}\\${path}`);
  }
  const joined = path.startsWith("/") ? path : `${base}/${path}`;
  return `/${sourcePath(joined)}`;
}

/** The path with `/` between its components, which is what tar and `copy` use on every system. */
export function withForwardSlashes(path: string): string {
  return DRIVE.test(path) ? path.replaceAll("\\", "/") : path;
}

/** Whether a path that is meant from `base` ends as that of a directory does: in `/`, on Windows also in `\`. */
export function namesDirectory(base: string, path: string): boolean {
  return path.endsWith("/") || (path.endsWith("\\") && (DRIVE.test(base) || DRIVE.test(path)));
}

/**
 * A `/`-separated path without empty and `.` components, and so without a leading `/`: how the source
 * of a `copy` is named. `""` is the directory that sources are relative to.
 */
export function sourcePath(path: string): string {
  return path
    .split("/")
    .filter((component) => component !== "" && component !== ".")
    .join("/");
}

function windowsPath(path: string): string {
  const components = path
    .slice(2)
    .split(/[\\/]/)
    .filter((component) => component !== "" && component !== ".");
  return `${path.slice(0, 2)}\\${components.join("\\")}`;
}
