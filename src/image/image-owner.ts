import { chown, stat } from "node:fs/promises";
import { errorCode, errorText } from "../store/fs-failure.ts";

/**
 * Gives a file to a user of this host, named or by uid, and to that user's group.
 *
 * @returns why that cannot be done, as a clause; undefined when it is
 */
export async function giveTo(path: string, owner: string): Promise<string | undefined> {
  const ids = await idsOf(owner);
  if (ids === undefined) return `there is no user ${owner}`;
  const { uid, gid } = await stat(path);
  if (uid === ids.uid && gid === (ids.gid ?? gid)) return undefined;
  try {
    await chown(path, ids.uid, ids.gid ?? gid);
    return undefined;
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined) throw error;
    return code === "EPERM" ? "only root may give files away" : errorText(error);
  }
}

/** Users may come from anywhere a host is told to look, so the host is asked. */
async function idsOf(owner: string): Promise<{ uid: number; gid?: number } | undefined> {
  const { execa } = await import("execa");
  const id = async (flag: "-u" | "-g"): Promise<number | undefined> => {
    const { exitCode, stdout } = await execa("id", [flag, "--", owner], {
      reject: false,
      stdin: "ignore",
    });
    return exitCode === 0 && /^\d+$/.test(stdout.trim()) ? Number(stdout) : undefined;
  };
  const [uid, gid] = await Promise.all([id("-u"), id("-g")]);
  if (uid !== undefined && gid !== undefined) return { uid, gid };
  // A uid without an account is a file's owner as well.
  const number = Number(owner);
  return /^\d+$/.test(owner) && number < 2 ** 32 - 1 ? { uid: number } : undefined;
}
