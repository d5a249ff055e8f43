import { expect, test } from "vitest";
import { failed, ok } from "../result.ts";
import { HotPlug } from "./hot-plug.ts";
import type { QmpClient } from "./qmp.ts";
import type { QmpEvent } from "./qmp-message.ts";

const { signal } = new AbortController();
const qcow2 = { path: "/a.qcow2", format: "qcow2" } as const;
const raw = { path: "/b.tar", format: "raw" } as const;

type Command = readonly [name: string, args: Readonly<Record<string, unknown>>];

/** A monitor that does what it is told, but for the commands in `refused`; events are the test's. */
function monitor(refused: readonly string[] = []) {
  const commands: Command[] = [];
  const waiting: ((event: QmpEvent) => void)[] = [];
  const client: QmpClient = {
    qemuVersion: "7.2.0",
    async execute(command, args = {}) {
      commands.push([command, args]);
      if (!refused.includes(command)) return ok({});
      return failed({
        reason: "command-error",
        command,
        errorClass: "GenericError",
        message: "no",
      });
    },
    waitForEvent: (name, stop) =>
      new Promise((resolve) => {
        waiting.push((event) => void (event.name === name && resolve(ok(event))));
        stop.addEventListener("abort", () => resolve(failed({ reason: "cancelled" })));
      }),
    closed: new Promise(() => {}),
    close() {},
  };
  const deleted = (device: unknown) => {
    for (const tell of waiting.splice(0)) tell({ name: "DEVICE_DELETED", data: { device } });
  };
  return { client, commands, deleted, names: () => commands.map(([name]) => name) };
}

test("disks get the lowest number that is free, and names that were never used", async () => {
  const qemu = monitor();
  const hotPlug = new HotPlug(qemu.client);
  const first = await hotPlug.plug(qcow2, signal);
  const second = await hotPlug.plug(raw, signal);
  if (!first.ok || !second.ok) throw new Error("must be plugged");
  expect([first.value.lun, second.value.lun]).toEqual([0, 1]);
  const device = qemu.commands[1]?.[1]["id"];
  const unplugged = first.value.unplug(signal);
  await expect.poll(qemu.names).toContain("device_del");
  qemu.deleted(device);
  expect(await unplugged).toEqual(ok());
  expect(qemu.names().slice(4)).toEqual(["device_del", "blockdev-del"]);
  const third = await hotPlug.plug(qcow2, signal);
  expect(third).toMatchObject({ ok: true, value: { lun: 0 } });
  const nodes = qemu.commands.filter(([name]) => name === "blockdev-add");
  expect(new Set(nodes.map(([, args]) => args["node-name"])).size).toBe(3);
});

test("a tar stream is a disk that nobody can write to", async () => {
  const qemu = monitor();
  await new HotPlug(qemu.client).plug(raw, signal);
  expect(qemu.commands[0]?.[1]).toMatchObject({
    driver: "raw",
    "read-only": true,
    file: { driver: "file", filename: "/b.tar", "read-only": true },
  });
});

test("a disk is out when its own device is gone, not another one", async () => {
  const qemu = monitor();
  const plugged = await new HotPlug(qemu.client).plug(qcow2, signal);
  if (!plugged.ok) throw new Error(plugged.error);
  const unplugged = plugged.value.unplug(signal);
  await expect.poll(qemu.names).toContain("device_del");
  qemu.deleted("another");
  await Promise.resolve();
  expect(qemu.names()).not.toContain("blockdev-del");
  qemu.deleted(qemu.commands[1]?.[1]["id"]);
  expect(await unplugged).toEqual(ok());
});

test.each([
  ["blockdev-add", ["blockdev-add"]],
  ["device_add", ["blockdev-add", "device_add", "blockdev-del"]],
])("when %s is refused the machine is as before", async (refused, commands) => {
  const qemu = monitor([refused]);
  const hotPlug = new HotPlug(qemu.client);
  expect(await hotPlug.plug(qcow2, signal)).toEqual(failed(`${refused}: no`));
  expect(qemu.names()).toEqual(commands);
  expect(hotPlug.inUse).toBe(false);
});

test.each(["device_del", "blockdev-del"])(
  "when %s is refused the disk counts as in use",
  async (refused) => {
    const qemu = monitor([refused]);
    const hotPlug = new HotPlug(qemu.client);
    const plugged = await hotPlug.plug(qcow2, signal);
    if (!plugged.ok) throw new Error(plugged.error);
    const unplugged = plugged.value.unplug(signal);
    await expect.poll(qemu.names).toContain("device_del");
    qemu.deleted(qemu.commands[1]?.[1]["id"]);
    expect(await unplugged).toEqual(failed(`${refused}: no`));
    expect(hotPlug.inUse).toBe(true);
  },
);

test("a cancelled wait for a device leaves the disk in use", async () => {
  const qemu = monitor();
  const hotPlug = new HotPlug(qemu.client);
  const plugged = await hotPlug.plug(qcow2, signal);
  if (!plugged.ok) throw new Error(plugged.error);
  const stop = new AbortController();
  const unplugged = plugged.value.unplug(stop.signal);
  await expect.poll(qemu.names).toContain("device_del");
  stop.abort();
  expect(await unplugged).toMatchObject({ ok: false });
  expect(hotPlug.inUse).toBe(true);
});
