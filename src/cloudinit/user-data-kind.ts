/** What cloud-init takes a user-data for, by its first line (cloud-init, "User-data formats"). */
export type UserDataKind =
  | "cloud-config"
  | "cloud-config-archive"
  | "script"
  | "jinja"
  /** MIME parts, includes, boot hooks and whatever else is told by its beginning, and is not looked into. */
  | "other"
  /** Compressed; cloud-init unpacks it first. */
  | "gzip"
  | "unknown";

const beginnings: readonly [beginning: string, kind: UserDataKind][] = [
  ["#cloud-config-archive", "cloud-config-archive"],
  ["#cloud-config-jsonp", "other"],
  ["#cloud-config", "cloud-config"],
  ["#!", "script"],
  ["#include-once", "other"],
  ["#include", "other"],
  ["#cloud-boothook", "other"],
  ["#part-handler", "other"],
  ["## template: jinja", "jinja"],
];

/** Beginnings to be named where there is none. */
export const commonBeginnings = ["#cloud-config", "#!/bin/sh"] as const;

/** The kind of a user-data. Nothing at all is a cloud-config without a key. */
export function userDataKind(bytes: Uint8Array): UserDataKind {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return "gzip";
  const start = new TextDecoder("utf-8").decode(bytes.subarray(0, 4096)).trimStart();
  if (start === "") return "cloud-config";
  const lowerCase = start.toLowerCase();
  const known = beginnings.find(([beginning]) => lowerCase.startsWith(beginning));
  if (known !== undefined) return known[1];
  return /^(mime-version|content-type):/.test(lowerCase) ? "other" : "unknown";
}
