/** One message from QEMU, by its kind (QMP spec, section 2). */
export type QmpMessage =
  | { readonly kind: "greeting"; readonly version: string }
  | { readonly kind: "return"; readonly id: unknown; readonly value: unknown }
  | {
      readonly kind: "error";
      readonly id: unknown;
      readonly errorClass: string;
      readonly message: string;
    }
  | { readonly kind: "event"; readonly event: QmpEvent }
  /** Not QMP at all. */
  | { readonly kind: "garbage" };

export interface QmpEvent {
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Reads one line of the protocol; anything unexpected is `garbage`, never an exception. */
export function parseQmpMessage(line: string): QmpMessage {
  let message: unknown;
  try {
    message = JSON.parse(line);
  } catch {
    return { kind: "garbage" };
  }
  if (!isRecord(message)) return { kind: "garbage" };
  if (typeof message["event"] === "string") {
    const data = isRecord(message["data"]) ? message["data"] : {};
    return { kind: "event", event: { name: message["event"], data } };
  }
  if ("return" in message) return { kind: "return", id: message["id"], value: message["return"] };
  if (isRecord(message["error"])) {
    const { class: errorClass, desc } = message["error"];
    return {
      kind: "error",
      id: message["id"],
      errorClass: String(errorClass),
      message: String(desc),
    };
  }
  if (isRecord(message["QMP"])) return { kind: "greeting", version: versionOf(message["QMP"]) };
  return { kind: "garbage" };
}

function versionOf(greeting: Record<string, unknown>): string {
  const version = isRecord(greeting["version"]) ? greeting["version"] : {};
  const qemu = isRecord(version["qemu"]) ? version["qemu"] : {};
  return [qemu["major"], qemu["minor"], qemu["micro"]]
    .map((part) => (typeof part === "number" ? part : 0))
    .join(".");
}

/** Whether a value that was read as JSON is an object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
