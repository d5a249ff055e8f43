import { describe, expect, test } from "vitest";
import type { ManifestEntry } from "../plan/manifest.ts";
import type { CopyItem } from "../plan/step.ts";
import {
  windowsAttach,
  windowsDetach,
  windowsDirectoryTests,
  windowsFill,
  windowsNameProblem,
  windowsRemove,
  windowsSave,
  windowsTargetProblem,
  windowsUnpack,
} from "./windows-files.ts";

function copy(destination: string, ...paths: readonly string[]): CopyItem {
  const entries = paths.map((path): ManifestEntry => ({
    kind: "file",
    path,
    sizeBytes: 0,
    digest: "",
    executable: false,
  }));
  return { manifest: { source: "s", entries, digest: "" }, destination };
}

test("directories are asked for by their names, whatever these are", () => {
  expect(windowsDirectoryTests(["C:/it's", "C:/é"])).toMatchInlineSnapshot(`
    "$answer=New-Object Text.StringBuilder
    [void]$answer.Append([int][IO.Directory]::Exists('C:/it''s'))
    [void]$answer.Append([int][IO.Directory]::Exists(([Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('Qzovw6k=')))))
    [Console]::Out.Write($answer.ToString())
    "
  `);
});

test("files are unpacked on the drive they go to", () => {
  const tar = String.raw`%SystemRoot%\System32\tar.exe -x -P -f - --options hdrcharset=UTF-8`;
  expect(windowsUnpack([copy("C:/src", "a")])).toBe(`${tar} -C C:\\`);
  expect(windowsUnpack([copy("d:/", "a")])).toBe(`${tar} -C d:\\`);
});

describe("names that Windows cannot have", () => {
  test.each([
    ["a:b", 'C:/dst/a:b: a name in Windows has no ":"'],
    ["dir/what?", 'C:/dst/dir/what?: a name in Windows has no "?"'],
    ["back\\slash", 'C:/dst/back\\slash: a name in Windows has no "\\\\"'],
    ["line\nbreak", 'C:/dst/line\nbreak: a name in Windows has no "\\n"'],
    ["dot.", "C:/dst/dot.: a name in Windows does not end in a dot or a space"],
    ["space /x", "C:/dst/space /x: a name in Windows does not end in a dot or a space"],
    ["NUL", "C:/dst/NUL: NUL names a device in Windows"],
    ["com1.txt", "C:/dst/com1.txt: com1 names a device in Windows"],
  ])("%j", (path, problem) => {
    expect(windowsNameProblem([copy("C:/dst", path)])).toBe(problem);
  });

  test("two that differ in case only", () => {
    expect(windowsNameProblem([copy("C:/dst", "Readme"), copy("C:/DST/", "README")])).toBe(
      "C:/dst/Readme and C:/DST/README differ in case only, and Windows makes no difference",
    );
  });

  test.each([["a", "b c", "é", "com10", "nul-1", ".git", "a.b.c", "100%", "^&!'", "dir/.x"]])(
    "others are good",
    (...paths) => {
      expect(windowsNameProblem([copy("C:/dst", "", ...paths), copy("C:/dst", ...paths)])).toBe(
        undefined,
      );
    },
  );

  test("a destination without a drive", () => {
    expect(windowsNameProblem([copy("/dst", "a")])).toBe("/dst is not on a drive");
  });
});

describe("a cache", () => {
  const cache = { index: 2, target: "C:\\my dir\\it's & more^!" };

  test("is filled and saved by tar.exe in its target", () => {
    expect(windowsFill(cache)).toBe(
      String.raw`%SystemRoot%\System32\tar.exe -x -P -f - --options hdrcharset=UTF-8 -C "C:\my dir\it's & more^!"`,
    );
    expect(windowsSave(cache)).toBe(
      String.raw`%SystemRoot%\System32\tar.exe -c -f - -C "C:\my dir\it's & more^!" .`,
    );
    expect(windowsRemove(cache)).toBe(String.raw`rd /s /q "C:\my dir\it's & more^!"`);
  });

  test("takes its target's place", () => {
    expect(windowsAttach(cache)).toMatchInlineSnapshot(`
      "$ErrorActionPreference='Stop'
      $target='C:\\my dir\\it''s & more^!'
      $root=[IO.Path]::GetPathRoot($target)
      if(-not[IO.Directory]::Exists($root)){throw "there is no drive $root"}
      if([IO.File]::Exists($target)){throw "$target is not a directory"}
      $made=@();$path=$target
      while(-not[IO.Directory]::Exists($path)){$made+=$path;$path=[IO.Path]::GetDirectoryName($path)}
      [void][IO.Directory]::CreateDirectory('C:\\.vmbuild')
      [IO.File]::WriteAllLines('C:\\.vmbuild\\made-2',[string[]]$made)
      if($made.Count -eq 0){[IO.Directory]::Move($target,'C:\\my dir\\it''s & more^!.vmbuild-2')}
      [void][IO.Directory]::CreateDirectory($target)
      "
    `);
  });

  test("gives it back", () => {
    expect(windowsDetach(cache)).toMatchInlineSnapshot(`
      "$ErrorActionPreference='Stop'
      $target='C:\\my dir\\it''s & more^!'
      $hidden='C:\\my dir\\it''s & more^!.vmbuild-2'
      if([IO.Directory]::Exists($target)){throw "$target cannot be removed: something in it is in use"}
      if([IO.Directory]::Exists($hidden)){[IO.Directory]::Move($hidden,$target)}
      foreach($path in [IO.File]::ReadAllLines('C:\\.vmbuild\\made-2')){
      if([IO.Directory]::Exists($path)){try{[IO.Directory]::Delete($path)}catch{break}}}
      [IO.File]::Delete('C:\\.vmbuild\\made-2')
      try{[IO.Directory]::Delete('C:\\.vmbuild')}catch{}
      "
    `);
  });

  test.each([
    ["C:\\", "it must be a directory below the root of a drive"],
    ["/cache", "it must be a directory below the root of a drive"],
    ["C:\\%TEMP%", "its path has a %, which cmd.exe would take for a variable"],
    ['C:\\a"b', 'a name in Windows has no "\\""'],
    ["C:\\aux", "aux names a device in Windows"],
  ])("cannot be at %j", (target, why) => {
    expect(windowsTargetProblem(target)).toBe(why);
  });

  test("can be elsewhere", () => {
    expect(windowsTargetProblem(cache.target)).toBe(undefined);
  });
});
