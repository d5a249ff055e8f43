import { expect, test } from "vitest";
import { sshCommandLine } from "./ssh-command-line.ts";

const login = { user: "root", port: 22, become: "none" } as const;
const options =
  "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -p 4022 root@127.0.0.1";

test.each([
  [{ kind: "store" } as const, `ssh -i '/my store/id' -o IdentitiesOnly=yes ${options}`],
  [{ kind: "file", path: "/k" } as const, `ssh -i /k ${options}`],
  [{ kind: "user" } as const, `ssh ${options}`],
])("with identity %j", (identity, line) => {
  expect(sshCommandLine({ ...login, identity }, 4022, "/my store/id")).toBe(line);
});
