import { describe, expect, test } from "vitest";
import { copyDestinations } from "./copy-destinations.ts";

describe("copyDestinations", () => {
  test.each([
    ["a file as the destination", "/", "/etc/motd", ["motd.in"], ["/etc/motd"]],
    ["a directory as the destination", "/", "/opt/app", ["src/app"], ["/opt/app"]],
    ["the context as the destination", "/", "/opt/app", [""], ["/opt/app"]],
    ["relative to the workdir", "/home/me", "app", ["x"], ["/home/me/app"]],
    ["as the workdir", "/home/me", ".", [""], ["/home/me"]],
    ["below a directory", "/", "/opt/", ["src/app"], ["/opt/app"]],
    ["the context's contents into a directory", "/", "/opt/", [""], ["/opt"]],
    ["several", "/w", "d/", ["a", "b/c", "", "d"], ["/w/d/a", "/w/d/c", "/w/d", "/w/d/d"]],
    ["one destination twice", "/", "/d/", ["a/x", "b/x"], ["/d/x", "/d/x"]],
    ["into the root", "/", "/", ["a/x"], ["/x"]],
    ["the context into the root", "/", "/", [""], ["/"]],
    ["an empty destination is the workdir as a directory", "/w", "", ["a", "b"], ["/w/a", "/w/b"]],
    ["into the workdir", "/w", "./", ["a"], ["/w/a"]],
    ["on Windows", "C:\\w", "d/", ["a"], ["C:/w/d/a"]],
    ["on Windows, into the root", "C:\\w", "C:\\/", ["a"], ["C:/a"]],
  ])("%s", (_, workdir, dst, sources, expected) => {
    expect(copyDestinations(workdir, dst, sources)).toEqual(expected);
  });

  test.each([[["a", "b"]], [[]]])("the sources %j need a directory", (sources) => {
    expect(() => copyDestinations("/", "/d", sources)).toThrow("Internal error");
  });
});
