import type { ProfileProblem } from "../profile/failure.ts";
import type { Profile } from "../profile/profile.ts";
import { failed, ok, type Result } from "../result.ts";
import { openRegularFile } from "../store/regular-file.ts";
import { bootFiles } from "../profile/boot-files.ts";
import type { ImageFailure } from "./failure.ts";

/** Fails with every file that a profile (read from `file`) names and that cannot be read. */
export async function checkProfileFiles(
  profile: Profile,
  file: string,
): Promise<Result<void, ImageFailure>> {
  const { identity } = profile.login;
  const named: readonly (readonly [key: string, path: string])[] = [
    ...bootFiles(profile),
    ...(identity.kind === "file" ? [["login.identity", identity.path] as const] : []),
  ];
  const problems: ProfileProblem[] = [];
  for (const [key, path] of named) {
    const opened = await openRegularFile(path);
    if (opened.ok) await opened.value.close();
    else problems.push(unusableFile(key, path, opened.error.message));
  }
  return problems.length === 0 ? ok() : failed({ reason: "profile-invalid", file, problems });
}

/** The problem with a file that `key` of a profile names. */
export function unusableFile(key: string, path: string, why: string): ProfileProblem {
  return { key, message: `${path} cannot be used: ${why}`, hint: "name a file that can be read" };
}
