import { resolve } from "node:path";
import { seedFiles } from "../../cloudinit/seed-files.ts";
import { seedImage } from "../../cloudinit/seed-image.ts";
import { exportTarget } from "../../image/export-target.ts";
import { exitCode } from "../exit-code.ts";
import { orThrow } from "../or-throw.ts";
import { checkStandardInput, readSeed, type SeedFlags } from "../read-seed.ts";
import { readWishes } from "../read-wishes.ts";
import { refuseInputs } from "../refuse-inputs.ts";
import { replaceFile } from "../replace-file.ts";
import { UserError } from "../user-error.ts";
import { hasWishes, type WishFlags } from "../wish-flags.ts";

/** `vmbuild seed`: a NoCloud seed image. Nothing is written when anything is wrong. */
export async function seed(
  flags: SeedFlags & WishFlags & { readonly output: string },
): Promise<void> {
  if (flags.userData === undefined && !hasWishes(flags)) {
    throw new UserError("there is nothing to be done in the seed", {
      exitCode: exitCode.usage,
      hint: "name a file with --user-data, or say it by --user, --ssh-key, --package, --run, …",
    });
  }
  checkStandardInput(flags);
  const target = orThrow(await exportTarget(resolve(flags.output)));
  const { userData: from, metaData, vendorData, networkConfig, password, sshKey = [] } = flags;
  await refuseInputs(flags.output, [
    from,
    metaData,
    vendorData,
    networkConfig,
    password,
    ...sshKey,
  ]);
  const wishes = await readWishes(flags, process.env);
  const { userData, ...content } = await readSeed(flags, wishes, "no seed is made");
  if (userData === undefined) throw new Error("Internal error: a seed without user-data");
  const files = seedFiles({ ...content, userData });
  await replaceFile({ ...target, name: flags.output }, seedImage(files));
  const names = files.map(({ name }) => name).join(", ");
  process.stderr.write(`made the seed ${flags.output} with ${names}\n`);
}
