import { toDockerfile, type DockerfileOptions } from "../../dockerfile/to-dockerfile.ts";
import { writeOut } from "../output.ts";
import { printDiagnostics, readSpec, wrongSpec } from "../read-spec.ts";

interface DockerfileFlags {
  readonly file: string;
  readonly buildkit?: boolean;
  readonly escape: DockerfileOptions["escape"];
}

/** `vmbuild dockerfile`: a spec as a Dockerfile on standard output; what is left out on standard error. */
export async function dockerfile(flags: DockerfileFlags): Promise<void> {
  const { source, spec } = await readSpec(flags.file);
  const converted = toDockerfile(spec, source, {
    buildkit: flags.buildkit === true,
    escape: flags.escape,
  });
  if (!converted.ok) throw wrongSpec(source.name, converted.error);
  printDiagnostics(converted.value.warnings);
  await writeOut(converted.value.text);
}
