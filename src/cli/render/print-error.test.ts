import { expect, test } from "vitest";
import { failureMessage } from "./failure-message.ts";
import { renderError } from "./print-error.ts";
import { styleFor } from "./style.ts";

test("an error has nothing a terminal would act on", () => {
  const text = renderError(
    {
      message: "there is no file \u001b[31mred\nvmbuild: fine",
      detail: "one\ttab\r\ntwo \u001b]0;title\u0007",
      hint: "rename \u202efile\r",
    },
    styleFor(false),
  );
  expect(text).toBe(
    [
      "vmbuild: there is no file \ufffd[31mred\ufffdvmbuild: fine",
      "  one\ttab",
      "  two \ufffd]0;title\ufffd",
      "  hint: rename \ufffdfile\ufffd",
      "",
    ].join("\n"),
  );
});

test("emphasis is vmbuild's own", () => {
  const text = renderError({ message: "x", detail: undefined, hint: "y" }, styleFor(true));
  expect(text).toBe(
    "\u001b[31m\u001b[1mvmbuild:\u001b[22m\u001b[39m x\n  \u001b[1mhint:\u001b[22m y\n",
  );
});

test("what a program said on several lines is told on one", () => {
  const { text } = failureMessage({
    reason: "base-unusable",
    path: "x",
    message: "first\n  second\n",
    hint: "",
  });
  expect(text).toBe("x cannot be used: first; second");
});
