import { expect, test } from "vitest";
import { hashPassword, isPasswordHash } from "./password-hash.ts";

// Drepper's vectors, and one that glibc's crypt(3) has given.
test.each([
  [
    "Hello world!",
    "saltstring",
    "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
  ],
  [
    "password",
    "saltsalt",
    "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/",
  ],
])("%s with the salt %s", (password, salt, expected) => {
  expect(hashPassword(password, salt)).toBe(expected);
});

test("each hash has a salt of its own", () => {
  const hashes = ["a", "a"].map((password) => hashPassword(password));
  for (const hash of hashes) expect(hash).toMatch(/^\$6\$[./0-9A-Za-z]{16}\$[./0-9A-Za-z]{86}$/);
  expect(hashes[0]).not.toBe(hashes[1]);
});

test.each([
  [hashPassword("a"), true],
  ["$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7", true],
  ["$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW", true],
  ["$6$", false],
  ["secret", false],
  ["$100 and more than that, really", false],
])("%s is a hash: %s", (text, expected) => {
  expect(isPasswordHash(text)).toBe(expected);
});
