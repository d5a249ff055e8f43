import { failed, ok, type Result } from "../result.ts";
import type { Diagnostic } from "../spec/diagnostic.ts";
import { Problems } from "../spec/problems.ts";
import type { SourceText } from "../spec/source.ts";
import type { Op, Spec, User } from "../spec/spec.ts";
import { copyInstruction, copyOwner } from "./copy-instruction.ts";
import { checkFrom, checkInstruction, checkOp } from "./limits.ts";
import { type EscapeToken, jsonForm, quotedWord, restOfLine } from "./quoting.ts";
import { runInstruction } from "./run-instruction.ts";
import { StageNames } from "./stage-names.ts";

/** What kind of Dockerfile to write. */
export interface DockerfileOptions {
  /** Write caches and secrets as BuildKit's mounts; without, they are left out. */
  readonly buildkit: boolean;
  /** `windows` starts with `#escape` and a backtick, and has other defaults for user and shell. */
  readonly escape: "unix" | "windows";
}

/** A Dockerfile, and what of the spec it does not say. */
export interface Dockerfile {
  /** Its text, with a line end after the last line. */
  readonly text: string;
  readonly warnings: Diagnostic[];
}

/**
 * A spec as a Dockerfile, as `obuilder dockerfile` writes it: one stage for each nested build, each
 * before the one it is nested in. `source` is the text that the spec was parsed from.
 *
 * Texts of the spec keep their meaning: what Docker would act on in them is escaped. Left out are
 * `network`, `exclude`, `timeout`, `reboot`, and without `buildkit` caches and secrets. Where that can be felt
 * there is a warning. Fails with all that no Dockerfile can say, such as a variable with a line break.
 */
export function toDockerfile(
  spec: Spec,
  source: SourceText,
  options: DockerfileOptions,
): Result<Dockerfile, Diagnostic[]> {
  const isWindows = options.escape === "windows";
  const problems = new Problems(source);
  const conversion: Conversion = {
    ...options,
    isWindows,
    token: isWindows ? "`" : "\\",
    names: new StageNames(spec),
    problems,
  };
  const text = stageText(spec, undefined, new Map(), conversion);
  const diagnostics = problems.inOrder();
  if (problems.hasErrors) return failed(diagnostics);
  return ok({ text: isWindows ? `#escape=\`\n${text}` : text, warnings: diagnostics });
}

/** What is the same for all stages of a conversion. */
interface Conversion extends DockerfileOptions {
  readonly isWindows: boolean;
  readonly token: EscapeToken;
  readonly names: StageNames;
  readonly problems: Problems;
}

/** What ops change for those after them. */
interface Context {
  readonly user: User;
  readonly shell: readonly string[];
}

/** Stage names by the names of the builds in scope. */
type Stages = ReadonlyMap<string, string>;

function stageText(
  spec: Spec,
  name: string | undefined,
  outer: Stages,
  conversion: Conversion,
): string {
  const stages = new Map(outer);
  let text = "";
  for (const build of spec.childBuilds) {
    const stage = conversion.names.add(build.name);
    text += `${stageText(build.spec, stage, stages, conversion)}\n`;
    stages.set(build.name, stage);
  }
  const { name: image, digest, range } = spec.from;
  checkFrom(spec.from, conversion.problems);
  const pin = digest === undefined ? "" : `@sha256:${digest}`;
  const alias = name === undefined ? "" : ` as ${name}`;
  const from = `FROM ${image}${pin}${alias}`;
  checkInstruction(from, range, conversion.problems);
  text += `${from}\n`;
  let context = initialContext(conversion);
  for (const op of spec.ops) {
    checkOp(op, { ...conversion, ...context }, conversion.problems);
    const instruction = instructionOf(op, context, stages, conversion);
    if (instruction !== undefined) {
      checkInstruction(instruction, op.range, conversion.problems);
      text += `${instruction}\n`;
    }
    context = contextAfter(op, context);
  }
  return text;
}

/** What Docker starts a stage with when its image says nothing else. */
function initialContext({ isWindows }: Conversion): Context {
  return isWindows
    ? { user: { kind: "name", name: "ContainerAdministrator" }, shell: ["cmd", "/S", "/C"] }
    : { user: { kind: "unix", uid: 0, gid: 0 }, shell: ["/bin/sh", "-c"] };
}

function contextAfter(op: Op, context: Context): Context {
  if (op.op === "user") return { ...context, user: op.user };
  if (op.op === "shell") return { ...context, shell: op.argv };
  return context;
}

/** One op in Docker's words; undefined when it has none. */
function instructionOf(
  op: Op,
  context: Context,
  stages: Stages,
  conversion: Conversion,
): string | undefined {
  const { token, buildkit, isWindows } = conversion;
  switch (op.op) {
    case "comment":
      return op.text
        .split(/\r\n?|\n/u)
        .map((line) => `# ${line}`.trimEnd())
        .join("\n");
    case "workdir":
      return `WORKDIR ${restOfLine(op.path === "" ? "." : op.path, token)}`;
    case "shell":
      // Docker wants at least one argument; a `RUN` without a shell is written as an argv.
      return op.argv.length === 0 ? undefined : `SHELL ${jsonForm(op.argv)}`;
    case "env": {
      const isPlain = /^[a-z_][\w.-]*$/iu.test(op.name);
      const name = isPlain ? op.name : quotedWord(op.name, token);
      return `ENV ${name}=${quotedWord(op.value, token)}`;
    }
    case "user":
      if (op.user.kind === "unix") return `USER ${op.user.uid}:${op.user.gid}`;
      return `USER ${restOfLine(op.user.name, token)}`;
    case "run":
      return runInstruction(op, { ...context, token, buildkit });
    case "copy":
      return copyInstruction(op, {
        token,
        owner: copyOwner(context.user, isWindows),
        stage: op.from.kind === "build" ? stages.get(op.from.name) : undefined,
      });
    case "reboot":
      return undefined;
    default:
      return op satisfies never;
  }
}
