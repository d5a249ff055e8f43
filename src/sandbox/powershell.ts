/**
 * Scripts for Windows PowerShell, which every Windows Server has. Pure text.
 */

/**
 * Text as an expression. Plain ASCII stays readable; everything else is told in base64, since PowerShell takes
 * typographic quotes for quotes too, and a script reaches it in whatever code page the guest has.
 */
export function powershellText(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return `'${text.replaceAll("'", "''")}'`;
  const base64 = Buffer.from(text, "utf8").toString("base64");
  return `([Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('${base64}')))`;
}

/**
 * Reads a script from standard input to its end and runs it. Progress would be written to standard error, as XML.
 */
const bootstrap =
  "$ProgressPreference='SilentlyContinue';&([ScriptBlock]::Create(@($input)-join\"`n\"))";

/**
 * The command line that runs the script on its standard input, for an SSH server whose shell is cmd.exe. Nothing in
 * it is special to cmd.exe; both outputs come as one.
 */
export const powershellCommand = [
  "powershell.exe -NoLogo -NoProfile -NonInteractive -ExecutionPolicy Bypass",
  "-InputFormat Text -OutputFormat Text",
  `-EncodedCommand ${Buffer.from(bootstrap, "utf16le").toString("base64")} 2>&1`,
].join(" ");
