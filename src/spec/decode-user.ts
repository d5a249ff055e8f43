import { readRecord, type RecordShape } from "./decode-record.ts";
import { type Node, nodeOf, onlyText } from "./decode-value.ts";
import { parseOcamlInt } from "./ocaml-int.ts";
import type { Problems } from "./problems.ts";
import { atomInMessage } from "./quote-atom.ts";
import type { UserOp } from "./spec.ts";
import { checkNotEmpty, checkUserId } from "./validate.ts";

const stray = (): string => "write `(user (uid N) (gid N))` or `(user (name NAME))`";

const byName: RecordShape = {
  owner: "`user`",
  fields: ["name", "uid", "gid"],
  required: {},
  stray,
};

const byId: RecordShape = {
  ...byName,
  required: { uid: "add `(uid N)`", gid: "add `(gid N)`" },
};

/**
 * `(user (uid N) (gid N))` or `(user (name NAME))`, as `user_of_sexp` in OBuilder's
 * `lib_spec/spec.ml` reads it. It takes `uid` and `gid` in this order only; here the order is free.
 */
export function decodeUser(node: Node, problems: Problems): UserOp {
  const { range } = node.list;
  const hasName = node.args.some((arg) => nodeOf(arg)?.name === "name");
  const fields = readRecord(node.args, node.head.range, hasName ? byName : byId, problems);
  if (!hasName) {
    const uid = decodeId(fields.get("uid"), problems);
    const gid = decodeId(fields.get("gid"), problems);
    return { op: "user", user: { kind: "unix", uid, gid }, range };
  }
  for (const field of [fields.get("uid"), fields.get("gid")]) {
    if (field === undefined) continue;
    const message = `\`${field.name}\` beside \`name\``;
    problems.error(field.head.range, message, "a user is given by `name` or by `uid` and `gid`");
  }
  const field = fields.get("name");
  const name = field && onlyText(field, "one name", problems);
  checkNotEmpty(name, "the name of the user", problems);
  return { op: "user", user: { kind: "name", name: name?.text ?? "" }, range };
}

function decodeId(field: Node | undefined, problems: Problems): number {
  const atom = field && onlyText(field, "one number", problems);
  if (field === undefined || atom === undefined) return 0;
  const id = parseOcamlInt(atom.text);
  if (id === undefined) {
    const message = `expected a number for \`${field.name}\`, found ${atomInMessage(atom.text)}`;
    const isName = /^[a-z_]/iu.test(atom.text);
    problems.error(
      atom.range,
      message,
      isName ? "a name is written `(user (name NAME))`" : undefined,
    );
    return 0;
  }
  checkUserId(id, atom.range, problems);
  return id;
}
