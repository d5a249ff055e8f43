import { parseProfile } from "../profile/parse-profile.ts";
import type { Profile } from "../profile/profile.ts";
import { failed, type Result } from "../result.ts";
import { readRegularText } from "../store/regular-file.ts";
import { checkProfileFiles } from "./check-profile-files.ts";
import type { ImageFailure } from "./failure.ts";

/** Reads the profile for a disk that is named elsewhere, and looks for the files that it names. */
export async function readProfileFile(path: string): Promise<Result<Profile, ImageFailure>> {
  const text = await readRegularText(path);
  if (!text.ok) {
    const { message } = text.error;
    return failed({ reason: "profile-invalid", file: path, problems: [{ message }] });
  }
  const parsed = parseProfile({ text: text.value, file: path });
  if (!parsed.ok) return parsed;
  if (parsed.value.disk !== undefined) {
    const message = "does not go with a disk that is given on the command line";
    const hint = "remove it: --from names the disk";
    return failed({
      reason: "profile-invalid",
      file: path,
      problems: [{ key: "disk", message, hint }],
    });
  }
  const files = await checkProfileFiles(parsed.value, path);
  return files.ok ? parsed : files;
}
