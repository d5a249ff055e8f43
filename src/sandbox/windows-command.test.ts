import { describe, expect, test } from "vitest";
import { powershellCommand, powershellText } from "./powershell.ts";
import type { CommandTask } from "./sandbox.ts";
import { windowsCommandScript } from "./windows-command.ts";

const task: CommandTask = {
  kind: "command",
  command: 'echo "hi" & dir %TEMP%',
  shell: ["cmd", "/S", "/C"],
  workdir: "C:\\src dir",
  env: [],
  user: { kind: "login" },
  caches: [],
};

function script(overrides: Partial<CommandTask> = {}): string {
  const made = windowsCommandScript({ ...task, ...overrides }, "n0");
  if (!made.ok) throw new Error(made.error);
  return made.value;
}

/** Reads PowerShell expressions as `powershellText` writes them. */
function textOf(expression: string): string {
  const base64 = /^\(\[Text\.Encoding\]::UTF8\.GetString\(.*'([A-Za-z0-9+/=]+)'\)\)\)$/.exec(
    expression,
  )?.[1];
  if (base64 !== undefined) return Buffer.from(base64, "base64").toString("utf8");
  const literal = /^'((?:[^']|'')*)'$/.exec(expression)?.[1];
  if (literal === undefined) throw new Error(`no text: ${expression}`);
  return literal.replaceAll("''", "'");
}

describe("powershellText", () => {
  test.each([
    ["", "''"],
    ['a $b `c "d" %e% ^& !', "'a $b `c \"d\" %e% ^& !'"],
    ["it's", "'it''s'"],
  ])("%j stays readable", (text, expected) => {
    expect(powershellText(text)).toBe(expected);
  });

  test.each(["’; evil #", "‘“”‛‚", "é", "line\nbreak", "\r", "tab\t", "\x7f", "𝄞"])(
    "%j is told without a character that PowerShell could take for something else",
    (text) => {
      const expression = powershellText(text);
      expect(expression).toMatch(/^[\x20-\x7e]+$/);
      expect(textOf(expression)).toBe(text);
    },
  );
});

describe("powershellCommand", () => {
  test("has nothing that is special to cmd.exe but the redirection", () => {
    expect(powershellCommand).toMatch(/^powershell\.exe [A-Za-z0-9 +/=-]+ 2>&1$/);
    expect(powershellCommand.length).toBeLessThan(1000);
  });

  test("runs what it reads", () => {
    const encoded = /-EncodedCommand (\S+)/.exec(powershellCommand)?.[1] ?? "";
    expect(Buffer.from(encoded, "base64").toString("utf16le")).toBe(
      "$ProgressPreference='SilentlyContinue';&([ScriptBlock]::Create(@($input)-join\"`n\"))",
    );
  });
});

describe("windowsCommandScript", () => {
  test("is this", () => {
    expect(
      script({
        env: [
          ["A", "x=y 'z'"],
          ["Path", "C:\\bin;C:\\Windows"],
          ["UNICODE", "é"],
        ],
      }),
    ).toMatchInlineSnapshot(`
      "$ErrorActionPreference='Stop'
      try{[Console]::OutputEncoding=New-Object Text.UTF8Encoding $false}catch{}
      function Stop-SetUp($what){[Console]::Out.WriteLine('vmbuild-setup-n0: '+$what);exit 125}
      $directory='C:\\src dir'
      try{[void][IO.Directory]::CreateDirectory($directory)}catch{Stop-SetUp 'workdir'}
      $start=New-Object Diagnostics.ProcessStartInfo
      $start.FileName='cmd'
      $start.Arguments='/S /C "echo "hi" & dir %TEMP%"'
      $start.WorkingDirectory=$directory
      $start.UseShellExecute=$false
      $start.RedirectStandardInput=$true
      $variables=$start.EnvironmentVariables
      foreach($name in @($variables.Keys)){if($name -like 'SSH_*'){$variables.Remove($name)}}
      $variables['A']='x=y ''z'''
      $variables['Path']='C:\\bin;C:\\Windows'
      $variables['UNICODE']=([Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('w6k=')))
      $env:Path='C:\\bin;C:\\Windows'
      try{$process=[Diagnostics.Process]::Start($start)}catch{Stop-SetUp 'program'}
      $process.StandardInput.Close()
      $process.WaitForExit()
      exit $process.ExitCode
      "
    `);
  });

  test.each([
    'say "hi"',
    "100% %PATH%",
    "^&|<>()",
    "wow!",
    "it's ‘quoted’",
    "C:\\",
    'a\\"',
    "$env:Path `n",
    "é 𝄞",
  ])("carries %j as command, directory and value", (text) => {
    const lines = script({
      command: text,
      workdir: `C:\\${text}`,
      env: [["V", text]],
    }).split("\n");
    const value = (start: string) =>
      textOf(lines.find((line) => line.startsWith(start))?.slice(start.length) ?? "");
    expect(value("$directory=")).toBe(`C:\\${text}`);
    expect(value("$start.Arguments=")).toBe(`/S /C "${text}"`);
    expect(value("$variables['V']=")).toBe(text);
    expect(lines.every((line) => /^[\x20-\x7e]*$/.test(line))).toBe(true);
  });

  test("refuses a name that is none", () => {
    expect(windowsCommandScript({ ...task, env: [["A=B", "x"]] }, "n")).toEqual({
      ok: false,
      error: '"A=B" is no name of a variable',
    });
  });
});
