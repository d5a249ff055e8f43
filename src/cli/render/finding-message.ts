import { shortId } from "../../plan/plan-text.ts";
import type { StoreFinding } from "../../store/store-report.ts";

/** What is wrong with a store, and what to do. */
export interface FindingMessage {
  readonly text: string;
  readonly hint?: string;
}

const rebuild = "remove the layer (`vmbuild delete -r ID`, or its directory) and build again";

/** A finding of `vmbuild verify` in words. */
export function findingMessage(finding: StoreFinding): FindingMessage {
  switch (finding.reason) {
    case "file-missing":
      return { text: `${finding.path} is missing`, hint: rebuild };
    case "record-invalid":
      return {
        text: `${finding.path} is not the record of this layer, or of a later version`,
        hint: rebuild,
      };
    case "entry-unknown":
      return { text: `${finding.path} is not of vmbuild's making`, hint: "move it elsewhere" };
    case "mode-wrong":
      return {
        text: `${finding.path} has the mode ${octal(finding.mode)}`,
        hint: `chmod ${octal(finding.expected)} ${finding.path}`,
      };
    case "disk-damaged":
      return {
        text: `the disk ${finding.path} is damaged: ${finding.message}`,
        hint: "remove the layer or the cache, build again, and look at the host's disk and memory",
      };
    case "backing-wrong":
      return {
        text: `the disk ${finding.path} is backed by ${finding.backingPath ?? "nothing"} instead of ${finding.expected}`,
        hint: rebuild,
      };
    case "parent-missing":
      return {
        text: `${finding.path}: the layer below, ${shortId(finding.parent)}, is missing or damaged`,
        hint: rebuild,
      };
    case "base-file-missing":
      return {
        text: `${finding.path} is missing, which layer ${shortId(finding.layer)} is built on`,
        hint: "add the same base image again, or remove the layer",
      };
    case "content-changed":
      return {
        text: `${finding.path} was changed: its SHA-256 is ${finding.digest}`,
        hint: "remove it, add the base image again, and remove the layers built on it",
      };
    case "download-changed":
      return {
        text: `the download ${finding.path} was changed: its checksum is ${finding.digest}`,
        hint: "remove the file; it is fetched again when it is needed",
      };
    case "cache-damaged":
      return {
        text: `the cache ${finding.path} is damaged: ${finding.message}`,
        hint: "vmbuild cache rm NAME",
      };
    case "tag-damaged":
      return { text: `the tag ${finding.path} does not name a layer`, hint: "remove the file" };
    case "tag-dangling":
      return {
        text: `the tag ${finding.name} names the layer ${shortId(finding.id)}, which is missing`,
        hint: `vmbuild untag ${finding.name}`,
      };
    case "left-over":
      return {
        text: `${finding.path} was left by process ${finding.pid}, which has ended`,
        hint: "the next `vmbuild ls` or build clears it away",
      };
    case "machine-orphaned":
      return {
        text: `QEMU process ${finding.pid} uses the store and belongs to no vmbuild`,
        hint: `kill ${finding.pid}`,
      };
    case "suspended-unusable":
      return {
        text: `the suspended machine ${finding.path} cannot be used: ${finding.message}`,
        hint: "nothing to do: the next step there boots",
      };
    case "unreadable":
      return {
        text: `${finding.path} cannot be looked at: ${finding.message}`,
        hint: "look at the host's disk and who owns the store",
      };
  }
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}
