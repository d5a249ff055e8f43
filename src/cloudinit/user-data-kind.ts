/** What cloud-init takes a user-data for, by its first line (cloud-init, "User-data formats"). */
export type UserDataKind =
  | "cloud-config"
  | "cloud-config-archive"
  | "script"
  | "jinja"
  /** Parts of any kind, or one with a header of its own (RFC 2046). */
  | "mime"
  /** Includes, boot hooks and whatever else is told by its beginning, and is not looked into. */
  | "other"
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

/** True for what cloud-init unpacks before it looks for a kind (RFC 1952, 2.3.1). */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** The kind of a user-data. Nothing at all is a cloud-config without a key. */
export function userDataKind(text: string): UserDataKind {
  const start = text.slice(0, 4096).trimStart();
  if (start === "") return "cloud-config";
  const lowerCase = start.toLowerCase();
  const known = beginnings.find(([beginning]) => lowerCase.startsWith(beginning));
  if (known !== undefined) return known[1];
  // Without its version it is no MIME for cloud-init, whatever else its header says.
  const isMime = /^[a-z-]+:/.test(lowerCase) && /^mime-version:/m.test(lowerCase);
  return isMime ? "mime" : "unknown";
}
