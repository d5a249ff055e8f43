import { describe, expect, test } from "vitest";
import { parseSpec } from "../spec/parse-spec.ts";
import { type Dockerfile, type DockerfileOptions, toDockerfile } from "./to-dockerfile.ts";
import type { Diagnostic } from "../spec/diagnostic.ts";
import type { Result } from "../result.ts";

const unix: DockerfileOptions = { buildkit: false, escape: "unix" };
const buildkit: DockerfileOptions = { buildkit: true, escape: "unix" };
const windows: DockerfileOptions = { buildkit: false, escape: "windows" };
const windowsBuildkit: DockerfileOptions = { buildkit: true, escape: "windows" };

function convert(text: string, options: DockerfileOptions): Result<Dockerfile, Diagnostic[]> {
  const source = { name: "test.spec", text };
  const parsed = parseSpec(source);
  if (!parsed.ok) throw new Error(parsed.error.map(({ message }) => message).join("; "));
  return toDockerfile(parsed.value.spec, source, options);
}

function written(text: string, options: DockerfileOptions): string {
  const converted = convert(text, options);
  if (!converted.ok) throw new Error(converted.error.map(({ message }) => message).join("; "));
  return converted.value.text;
}

/** The instructions for directives behind `(from base)`. */
function instructions(ops: string, options = unix): string {
  const head = options.escape === "windows" ? "#escape=`\nFROM base\n" : "FROM base\n";
  const text = written(`((from base) ${ops})`, options);
  expect(text.startsWith(head)).toBe(true);
  return text.slice(head.length, -1);
}

describe("like OBuilder's converter", () => {
  const everything = `
    ((from base)
     (comment "What it does")
     (workdir DIR)
     (run (shell one))
     (shell SHELL -c)
     (run (cache (a (target /data)) (b (target /srv)))
          (network host)
          (shell "two &&
                  three"))
     (copy (src x y) (dst z/))
     (env LEVEL 1)
     (user USER)
     (copy (src x y) (dst z/)))`;

  test("every op for Unix", () => {
    const spec = everything
      .replace("DIR", "/src")
      .replace("SHELL", "/bin/sh")
      .replace("USER", "(uid 1) (gid 2)");
    const both = (run: string): string => `FROM base
# What it does
WORKDIR /src
RUN one
SHELL [ "/bin/sh", "-c" ]
RUN ${run}two && \\
    three
COPY x y z/
ENV LEVEL="1"
USER 1:2
COPY --chown=1:2 x y z/
`;
    expect(written(spec, unix)).toBe(both(""));
    const mounts =
      "--mount=type=cache,id=a,target=/data,uid=0 --mount=type=cache,id=b,target=/srv,uid=0 ";
    expect(written(spec, buildkit)).toBe(both(mounts));
  });

  test("every op for Windows", () => {
    const spec = everything
      .replace("DIR", "C:/src")
      .replace("SHELL", "powershell.exe")
      .replace("USER", "(name Ford)");
    expect(written(spec, windows)).toBe(`#escape=\`
FROM base
# What it does
WORKDIR C:/src
RUN one
SHELL [ "powershell.exe", "-c" ]
RUN two && \`
    three
COPY x y z/
ENV LEVEL="1"
USER Ford
COPY x y z/
`);
  });

  test("nested builds are stages, innermost first", () => {
    const spec = `
      ((build tools
        ((build lib ((from debian:12) (run (shell "make lib"))))
         (from debian:12)
         (copy (from (build lib)) (src /lib.a) (dst /usr/lib/))
         (run (shell "make tools"))))
       (build docs ((from alpine:3) (user (uid 1000) (gid 1000))))
       (from alpine:3)
       (copy (from (build tools)) (src /tool) (dst /usr/bin/tool)))`;
    expect(written(spec, unix)).toBe(`FROM debian:12 as lib
RUN make lib

FROM debian:12 as tools
COPY --from=lib /lib.a /usr/lib/
RUN make tools

FROM alpine:3 as docs
USER 1000:1000

FROM alpine:3
COPY --from=tools /tool /usr/bin/tool
`);
  });

  test("secrets come before caches and belong to the user", () => {
    const ops = `
      (user (uid 7) (gid 8))
      (run (cache (c (buildkit_options ((sharing locked) (mode 0755))) (target /c)))
           (secrets (s (target /run/secrets/s)))
           (shell make))`;
    expect(instructions(ops, buildkit)).toBe(`USER 7:8
RUN --mount=type=secret,id=s,target=/run/secrets/s,uid=7 --mount=type=cache,id=c,target=/c,uid=7,sharing=locked,mode=0755 make`);
    expect(instructions(ops, windowsBuildkit)).toContain("id=c,target=/c,uid=7,sharing");
    expect(instructions(ops)).toBe("USER 7:8\nRUN make");
  });
});

describe("what Docker would act on", () => {
  test.each([
    ["(comment x)", "# x"],
    [String.raw`(comment "a\n\nFROM b\r\nc \\")`, "# a\n#\n# FROM b\n# c \\"],
    ['(workdir "/a b")', "WORKDIR /a b"],
    ['(workdir "")', "WORKDIR ."],
    ['(workdir "/a ")', 'WORKDIR "/a "'],
    [String.raw`(workdir "/$a'\"")`, String.raw`WORKDIR "/\$a'\""`],
    [String.raw`(workdir "C:\\")`, String.raw`WORKDIR "C:\\"`],
    ["(workdir --x)", 'WORKDIR "--x"'],
    ['(user (name "a$b"))', String.raw`USER "a\$b"`],
    [String.raw`(shell a "\"b\\\n")`, String.raw`SHELL [ "a", "\"b\\\n" ]`],
    [String.raw`(env A "\"q\\s\"")`, String.raw`ENV A="\"q\\s\""`],
    ["(env PATH /opt:$PATH)", String.raw`ENV PATH="/opt:\$PATH"`],
    ['(env "a b" "")', 'ENV "a b"=""'],
    ["(env --a b)", 'ENV "--a"="b"'],
    ['(copy (src "a b" c) (dst d/))', 'COPY [ "a b", "c", "d/" ]'],
    [String.raw`(copy (src "a\n") (dst "$b'"))`, String.raw`COPY [ "a\n", "\\$b\\'" ]`],
    ['(copy (src "") (dst ""))', "COPY . ./"],
    ["(copy (src --from) (dst /a))", 'COPY [ "--from", "/a" ]'],
    ["(copy (src [id].js) (dst *))", 'COPY [ "[[]id].js", "*" ]'],
    [
      String.raw`(copy (src "a\\b/*/c\\d?") (dst .))`,
      String.raw`COPY [ "a\\\\b/[*]/c\\\\\\\\d[?]", "." ]`,
    ],
    ["(copy (src <<EOF) (dst a))", String.raw`COPY [ "\\<\\<EOF", "a" ]`],
  ])("%s is written %s", (op, expected) => {
    expect(instructions(op)).toBe(expected);
  });

  test.each([
    [String.raw`(workdir "C:\\a\\")`, "WORKDIR C:\\a\\"],
    ['(workdir "C:/`$a")', 'WORKDIR "C:/```$a"'],
    [String.raw`(user (name "DOMAIN\\ford"))`, "USER DOMAIN\\ford"],
    ['(env A "\\"`$\\\\")', 'ENV A="`"```$\\"'],
    ['(copy (src "a\\\\b") (dst "`c"))', 'COPY [ "a\\\\b", "``c" ]'],
    ['(run (shell "echo `"))', 'RUN [ "cmd", "/S", "/C", "echo `" ]'],
    [String.raw`(run (shell "dir \\"))`, "RUN dir \\"],
  ])("%s is written %s for Windows", (op, expected) => {
    expect(instructions(op, windows)).toBe(expected);
  });

  test.each([
    ['echo "$HOME" \\\\ `id` # x', String.raw`RUN echo "$HOME" \\ ` + "`id` # x"],
    ["  [ -f x ] && y ", "RUN [ -f x ] && y"],
    ["", 'RUN [ "/bin/sh", "-c", "" ]'],
    ["a\nb", String.raw`RUN [ "/bin/sh", "-c", "a\nb" ]`],
    ["echo \\", String.raw`RUN [ "/bin/sh", "-c", "echo \\" ]`],
    ["--help", 'RUN [ "/bin/sh", "-c", "--help" ]'],
    ["cat <<A", 'RUN [ "/bin/sh", "-c", "cat <<A" ]'],
    ['[ "a" ]', String.raw`RUN [ "/bin/sh", "-c", "[ \"a\" ]" ]`],
    ["[ 1 ]", 'RUN [ "/bin/sh", "-c", "[ 1 ]" ]'],
    ["a\rb", String.raw`RUN [ "/bin/sh", "-c", "a\rb" ]`],
    ["a\u00a0", 'RUN [ "/bin/sh", "-c", "a\u00a0" ]'],
  ])("the command %j reaches the shell as it is", (command, expected) => {
    const text = command.replaceAll(/["\\]/gu, String.raw`\$&`);
    expect(instructions(`(run (shell "${text}"))`)).toBe(expected);
  });

  test("a command in JSON form has the stage's shell, and none when there is none", () => {
    const ops = String.raw`(shell bash -ec) (run (shell "a\nb")) (shell) (run (shell make))`;
    expect(instructions(ops)).toBe(String.raw`SHELL [ "bash", "-ec" ]
RUN [ "bash", "-ec", "a\nb" ]
RUN [ "make" ]`);
  });

  test("mounts are CSV in a word that Docker unquotes", () => {
    const mount = (id: string): string =>
      instructions(`(run (cache ("${id}" (target "/a b"))) (shell x))`, buildkit);
    expect(mount("c")).toBe('RUN --mount="type=cache,id=c,target=/a b,uid=0" x');
    expect(mount("a,b")).toBe(String.raw`RUN --mount="type=cache,\"id=a,b\",target=/a b,uid=0" x`);
    expect(mount("$d")).toBe(String.raw`RUN --mount="type=cache,id=\\$d,target=/a b,uid=0" x`);
  });
});

describe("stages", () => {
  test("get a name of their own where Docker would mix names up", () => {
    const spec = `
      ((build debian ((from debian) (run (shell a))))
       (build "My tools" ((build x ((from a))) (from b) (copy (from (build x)) (src 1) (dst 1))))
       (build x ((from c)))
       (build X ((build x ((from d))) (from e) (copy (from (build x)) (src 2) (dst 2))))
       (build 7 ((from f)))
       (build scratch ((from g)))
       (from debian)
       (copy (from (build debian)) (src 3) (dst 3))
       (copy (from (build "My tools")) (src 4) (dst 4))
       (copy (from (build x)) (src 5) (dst 5))
       (copy (from (build X)) (src 6) (dst 6))
       (copy (from (build 7)) (src 7) (dst 7))
       (copy (from (build scratch)) (src 8) (dst 8)))`;
    expect(
      written(spec, unix)
        .split("\n")
        .filter((line) => /^(?:FROM|COPY)/u.test(line)),
    ).toEqual([
      "FROM debian as debian-2",
      "FROM a as x",
      "FROM b as stage-my-tools",
      "COPY --from=x 1 1",
      "FROM c as x-2",
      "FROM d as x-4",
      "FROM e as x-3",
      "COPY --from=x-4 2 2",
      "FROM f as stage-7",
      "FROM g as scratch-2",
      "FROM debian",
      "COPY --from=debian-2 3 3",
      "COPY --from=stage-my-tools 4 4",
      "COPY --from=x-2 5 5",
      "COPY --from=x-3 6 6",
      "COPY --from=stage-7 7 7",
      "COPY --from=scratch-2 8 8",
    ]);
  });

  test("start with root and Docker's shell again", () => {
    const dirty = String.raw`(shell bash -c) (user (uid 1) (gid 1))`;
    const spec = String.raw`((build b ((from a) ${dirty})) (from a) (copy (src x) (dst y)) (run (shell "1\n2")))`;
    expect(written(spec, unix)).toMatch(/FROM a\nCOPY x y\nRUN \[ "\/bin\/sh", "-c", /u);
  });

  test("keep their pins", () => {
    const digest = "ab".repeat(32);
    expect(written(`((from a:1@sha256:${digest.toUpperCase()}))`, unix)).toBe(
      `FROM a:1@sha256:${digest}\n`,
    );
  });
});

describe("users by name", () => {
  test("own what is copied, on Unix", () => {
    expect(instructions("(user (name opam)) (copy (src a) (dst b))")).toBe(
      "USER opam\nCOPY --chown=opam a b",
    );
    expect(instructions("(user (name root)) (copy (src a) (dst b))")).toBe("USER root\nCOPY a b");
  });

  test("own no mounts, which is said", () => {
    const spec = "((from a) (user (name opam)) (run (cache (c (target /c))) (shell x)))";
    expect(written(spec, buildkit)).toContain("RUN --mount=type=cache,id=c,target=/c x");
    expect(warnings(spec, buildkit)).toEqual([
      "the mounts belong to root, because BuildKit gives them to no user by name",
    ]);
    expect(warnings(spec, windowsBuildkit)).toEqual([]);
  });
});

function warnings(spec: string, options = unix): string[] {
  const converted = convert(spec, options);
  if (!converted.ok) throw new Error("unexpected");
  return converted.value.warnings.map(({ message, hint }) =>
    hint === undefined || hint.startsWith("write") ? message : `${message}; ${hint}`,
  );
}

test.each([
  ["(run (timeout 5m) (shell x))", ["a Dockerfile has no `timeout`; it is left out"]],
  ["(reboot)", ["a Dockerfile has no `reboot`; it is left out"]],
  [
    '(copy (src .) (dst .) (exclude .git "a b"))',
    [
      'a Dockerfile has no `exclude`; Docker copies these files too; put **/.git, "**/a b" into .dockerignore',
    ],
  ],
  [
    "(copy (from (build b)) (src .) (dst .) (exclude .git))",
    ["a Dockerfile has no `exclude`; Docker copies these files too"],
  ],
  [
    "(run (secrets (s (target /s))) (cache (c (target /c))) (shell x))",
    ["secrets are left out; `--buildkit` writes them as mounts"],
  ],
  ["(run (network host) (cache (c (target /c))) (shell x))", []],
])("%s gives %j", (op, expected) => {
  expect(warnings(`((build b ((from b))) (from a) ${op})`)).toEqual(expected);
});

test.each([
  [String.raw`((from a) (workdir "a\nb"))`, "a folder's name with a line break cannot be"],
  [String.raw`((from a) (user (name "a\nb")))`, "a user's name with a line break cannot be"],
  [String.raw`((from a) (env A "a\nb"))`, "a variable with a line break cannot be"],
  [
    String.raw`((from a) (run (cache (c (target "/a\nb"))) (shell x)))`,
    "a mount with a line break",
  ],
  ["((from a) (run (secrets (s (target /é))) (shell x)))", "a mount in a Dockerfile has only"],
  ["((from a) (user (name é)) (copy (src a) (dst b)))", "the owner of a copy in a Dockerfile has"],
  ['((from "my image"))', '`"my image"` cannot be the name of an image'],
  [`((from a) (run (shell ${"x".repeat(70_000)})))`, "this is a line of 70005 bytes"],
])("%.60s is refused", (spec, message) => {
  const converted = convert(spec, buildkit);
  expect(converted.ok ? [] : converted.error.map((error) => error.message)).toEqual([
    expect.stringContaining(message),
  ]);
});

test("all that cannot be written is said at once, in order", () => {
  const spec = String.raw`((from "a b") (env A "\n") (env B "\n") (reboot))`;
  const converted = convert(spec, unix);
  expect(converted.ok ? [] : converted.error.map(({ severity }) => severity)).toEqual([
    "error",
    "error",
    "error",
    "warning",
  ]);
});
