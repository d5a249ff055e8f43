import { expect, test } from "vitest";
import { readArch, readForward } from "./boot-flags.ts";

test("forwards are collected, and a port of the host may be left to it", () => {
  const first = readForward("8080:80", undefined);
  expect(readForward(":22", first)).toEqual([{ hostPort: 8080, guestPort: 80 }, { guestPort: 22 }]);
});

test.each(["", "80", "0:80", "8080:", "8080:0", "65536:80", "a:b", "127.0.0.1:80:80", "-1:80"])(
  "%j is no forward",
  (text) => {
    expect(() => readForward(text, undefined)).toThrow("is not HOST:GUEST");
  },
);

test("a port of the host leads to one port of the guest", () => {
  const first = readForward("8080:80", undefined);
  expect(() => readForward("8080:81", first)).toThrow("port 8080 of the host is there twice");
});

test("architectures have several names", () => {
  expect(["x86_64", "amd64"].map(readArch)).toEqual(["x86_64", "x86_64"]);
  expect(["aarch64", "arm64"].map(readArch)).toEqual(["aarch64", "aarch64"]);
  expect(() => readArch("riscv64")).toThrow('"riscv64" is not x86_64 or aarch64');
});
