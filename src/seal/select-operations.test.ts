import { expect, test } from "vitest";
import { sealOperations } from "./operations.ts";
import { selectOperations } from "./select-operations.ts";

function names(selection: Parameters<typeof selectOperations>[0]): readonly string[] | string {
  const selected = selectOperations(selection);
  return selected.ok ? selected.value.map(({ name }) => name) : JSON.stringify(selected.error);
}

const defaults = sealOperations.filter(({ isDefault }) => isDefault).map(({ name }) => name);

test("without flags it is the defaults", () => {
  expect(names({})).toEqual(defaults);
  expect(defaults).toContain("machine-id");
  expect(defaults).not.toContain("ssh-userdir");
});

test("--enable is those alone, in the order of the list", () => {
  expect(names({ enable: ["tmp-files", "machine-id"] })).toEqual(["machine-id", "tmp-files"]);
  expect(names({ enable: ["defaults", "ssh-userdir"] })).toEqual([...defaults, "ssh-userdir"]);
});

test("--disable takes away from either", () => {
  expect(names({ disable: ["machine-id"] })).toEqual(
    defaults.filter((name) => name !== "machine-id"),
  );
  expect(names({ enable: ["tmp-files"], disable: ["tmp-files"] })).toEqual([]);
});

test.each([
  [{ enable: ["machineid"] }, "did you mean `machine-id`?"],
  [{ disable: ["ssh-hostkey"] }, "did you mean `ssh-hostkeys`?"],
  [{ disable: ["nonsense"] }, "expected one of `machine-id`"],
])("%j is refused", (selection, hint) => {
  expect(names(selection)).toContain(hint);
});

test("names are what a flag can take, and none twice", () => {
  const all = sealOperations.map(({ name }) => name);
  expect(new Set(all).size).toBe(all.length);
  expect(all.filter((name) => !/^[a-z][a-z-]*$/.test(name))).toEqual([]);
});
