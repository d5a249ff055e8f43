import { describe, expect, test } from "vitest";
import { commandLineToArgv } from "../../test/support/windows-argv.ts";
import { quoteArgument, stepCommandLine } from "./windows-quote.ts";

/** What a step's text, a path or a variable may hold, and what is special to one of the parsers. */
const awkward = [
  "",
  "plain",
  "two words",
  "tab\tand\nline",
  'say "hi"',
  '"',
  '""',
  "\\",
  "\\\\",
  "C:\\dir\\",
  "C:\\my dir\\",
  'back\\"slash',
  'two\\\\"slashes',
  'ends in quote\\"',
  "100% of %PATH%",
  "^caret & amp | pipe < > ( )",
  "wow!",
  "it's",
  "é ☃ 𝄞",
  "“typographic”",
  "-x",
  "/?",
  "a=b;c,d",
];

describe("quoteArgument", () => {
  test.each([
    ["", '""'],
    ["a", "a"],
    ["a b", '"a b"'],
    ["C:\\dir\\", "C:\\dir\\"],
    ["C:\\my dir\\", '"C:\\my dir\\\\"'],
    ['"', '"\\""'],
    ['\\"', '"\\\\\\""'],
    ["a\\b", "a\\b"],
    ["a b\\c", '"a b\\c"'],
  ])("%j is %j", (text, expected) => {
    expect(quoteArgument(text)).toBe(expected);
  });

  // The rules and examples of Microsoft's "Parsing C command-line arguments", which the reader below follows.
  test.each([
    [String.raw`prog "a b c" d e`, ["prog", "a b c", "d", "e"]],
    [String.raw`prog "ab\"c" "\\" d`, ["prog", 'ab"c', "\\", "d"]],
    [String.raw`prog a\\\b d"e f"g h`, ["prog", "a\\\\\\b", "de fg", "h"]],
    [String.raw`prog a\\\"b c d`, ["prog", 'a\\"b', "c", "d"]],
    [String.raw`prog a\\\\"b c" d e`, ["prog", "a\\\\b c", "d", "e"]],
  ])("the reader takes %j apart", (line, argv) => {
    expect(commandLineToArgv(line)).toEqual(argv);
  });

  test.each(awkward)("%j comes back, alone and among others", (text) => {
    expect(commandLineToArgv(`prog ${quoteArgument(text)}`)).toEqual(["prog", text]);
    const line = ["prog", ...[text, "x", text].map(quoteArgument)].join(" ");
    expect(commandLineToArgv(line)).toEqual(["prog", text, "x", text]);
  });

  test("comes back for every short text of the special characters", () => {
    const characters = ["\\", '"', " ", "a", "%"];
    let texts = [""];
    for (let length = 1; length <= 5; length++) {
      texts = texts.flatMap((text) => characters.map((character) => text + character));
      for (const text of texts) {
        expect(commandLineToArgv(`p ${quoteArgument(text)} z`)).toEqual(["p", text, "z"]);
      }
    }
  });
});

/** What `cmd /S /C REST` runs: everything between the first quote and the last one (`cmd /?`). */
function cmdRuns(rest: string): string {
  const text = /^\/S \/C (.*)$/s.exec(rest)?.[1] ?? "";
  expect(text.startsWith('"') && text.endsWith('"')).toBe(true);
  return text.slice(1, -1);
}

describe("stepCommandLine", () => {
  test.each(awkward.filter((text) => !text.includes("\n")))(
    "cmd /S /C reads %j as it is written",
    (command) => {
      const line = stepCommandLine(["cmd", "/S", "/C"], command);
      if (!line.ok) throw new Error(line.error);
      expect(line.value.program).toBe("cmd");
      expect(cmdRuns(line.value.rest)).toBe(command);
    },
  );

  test.each(awkward)("powershell gets %j as one argument", (command) => {
    const line = stepCommandLine(["powershell", "-NoProfile", "-Command"], command);
    if (!line.ok) throw new Error(line.error);
    const { program, rest } = line.value;
    expect(commandLineToArgv(`"${program}" ${rest}`)).toEqual([
      "powershell",
      "-NoProfile",
      "-Command",
      command,
    ]);
  });

  test.each([
    [["C:\\Windows\\System32\\CMD.EXE", "/d", "/c"], 'echo "a"', '/d /c "echo "a""'],
    [["cmd", "/V:ON", "/S", "/C"], "echo !A!", '/V:ON /S /C "echo !A!"'],
    [["C:/tools/cmd.exe", "/k"], "dir", '/k "dir"'],
    // Not told to run a command, so it is a program like others.
    [["cmd"], 'a "b', '"a \\"b"'],
    [["mycmd.exe", "/C"], 'a "b', '/C "a \\"b"'],
    [["bash", "-lc"], "echo 'a' \"b\"", '-lc "echo \'a\' \\"b\\""'],
  ])("%j", (shell, command, rest) => {
    expect(stepCommandLine(shell, command)).toEqual({
      ok: true,
      value: { program: shell[0], rest },
    });
  });

  test("a line break at the end is no second line", () => {
    expect(stepCommandLine(["cmd", "/S", "/C"], "echo a\r\n")).toMatchObject({
      ok: true,
      value: { rest: '/S /C "echo a"' },
    });
  });

  test.each(["echo a\necho b", "echo a\r\necho b", "\necho a"])(
    "cmd.exe would run a part of %j, so it is refused",
    (command) => {
      const line = stepCommandLine(["cmd", "/S", "/C"], command);
      expect(line).toMatchObject({ ok: false });
      expect(line.ok ? "" : line.error).toContain("first line");
    },
  );

  test("what is too long is refused by the limit of who reads it", () => {
    const command = `echo ${"x".repeat(8170)}`;
    expect(stepCommandLine(["cmd", "/S", "/C"], command)).toMatchObject({ ok: true });
    const longer = stepCommandLine(["cmd", "/S", "/C"], `${command}xxxxx`);
    expect(longer.ok ? "" : longer.error).toContain("cmd.exe takes 8191 characters");
    expect(stepCommandLine(["bash", "-c"], `${command}xxxxx`)).toMatchObject({ ok: true });
    expect(stepCommandLine(["bash", "-c"], "x".repeat(32_760)).ok).toBe(false);
  });
});
