/**
 * The script that runs a step's command in a Windows guest. Pure text.
 */
import { failed, ok, type Result } from "../result.ts";
import { powershellText } from "./powershell.ts";
import type { CommandTask } from "./sandbox.ts";
import { stepCommandLine } from "./windows-quote.ts";

/** Exit code by which the script says that it failed before the command; see {@link windowsSetupMarker}. */
export const windowsSetupFailedCode = 125;

/**
 * Starts the line that tells what the script failed at: `workdir` or `program`. A command that exits with the same code
 * does not know the nonce.
 */
export function windowsSetupMarker(nonce: string): string {
  return `vmbuild-setup-${nonce}: `;
}

/**
 * A PowerShell script that makes the working directory, goes there, runs the command with nothing on standard input,
 * and exits as the command did. Fails, in words, with what Windows cannot be told.
 *
 * The environment is that of a login with the task's own added: without `SystemRoot`, `Path` and others few programs
 * start. What tells one connection from another is left out.
 */
export function windowsCommandScript(task: CommandTask, nonce: string): Result<string, string> {
  const line = stepCommandLine(task.shell, task.command);
  if (!line.ok) return line;
  const bad = task.env.find(([name]) => name === "" || /[=\0]/.test(name));
  if (bad !== undefined) return failed(`${JSON.stringify(bad[0])} is no name of a variable`);
  const path = task.env.findLast(([name]) => name.toLowerCase() === "path");
  return ok(
    [
      "$ErrorActionPreference='Stop'",
      // Not `chcp`, which would make .NET begin every standard input with a byte order mark.
      "try{[Console]::OutputEncoding=New-Object Text.UTF8Encoding $false}catch{}",
      `function Stop-SetUp($what){[Console]::Out.WriteLine(${powershellText(windowsSetupMarker(nonce))}+$what);exit ${windowsSetupFailedCode}}`,
      `$directory=${powershellText(task.workdir)}`,
      "try{[void][IO.Directory]::CreateDirectory($directory)}catch{Stop-SetUp 'workdir'}",
      "$start=New-Object Diagnostics.ProcessStartInfo",
      `$start.FileName=${powershellText(line.value.program)}`,
      `$start.Arguments=${powershellText(line.value.rest)}`,
      "$start.WorkingDirectory=$directory",
      "$start.UseShellExecute=$false",
      "$start.RedirectStandardInput=$true",
      "$variables=$start.EnvironmentVariables",
      "foreach($name in @($variables.Keys)){if($name -like 'SSH_*'){$variables.Remove($name)}}",
      ...task.env.map(
        ([name, value]) => `$variables[${powershellText(name)}]=${powershellText(value)}`,
      ),
      // By it Windows looks for the program itself, in the environment of who starts it.
      ...(path === undefined ? [] : [`$env:Path=${powershellText(path[1])}`]),
      "try{$process=[Diagnostics.Process]::Start($start)}catch{Stop-SetUp 'program'}",
      "$process.StandardInput.Close()",
      "$process.WaitForExit()",
      "exit $process.ExitCode",
      "",
    ].join("\n"),
  );
}
