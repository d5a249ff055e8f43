/**
 * Disks that come and go while a machine runs, as logical units of its virtio-scsi controller:
 *
 *     blockdev-add, device_add                      the guest finds a disk
 *     device_del, DEVICE_DELETED, blockdev-del      QEMU has let go of its file
 */
import { failed, ok, type Result } from "../result.ts";
import { type PluggableDisk, pluggedDevice, pluggedNode } from "./qemu-hot-plug.ts";
import type { QmpClient, QmpFailure } from "./qmp.ts";

/** A disk in a machine. */
export interface PluggedDisk {
  /** Its number on the controller, by which the guest finds it (`/sys/bus/scsi/devices/HOST:0:TARGET:LUN`). */
  readonly lun: number;
  /**
   * Takes the disk out; its file is complete and closed then. The guest must have let go of it before. After
   * a failure, told in words, QEMU may still write to the file.
   */
  unplug(signal: AbortSignal): Promise<Result<void, string>>;
}

/** QEMU takes a device out as soon as no request is under way; no guest is asked. */
const unplugTimeoutMs = 10_000;

/** The place for disks in one machine. */
export class HotPlug {
  readonly #monitor: QmpClient;
  readonly #luns = new Set<number>();
  #serial = 0;

  constructor(monitor: QmpClient) {
    this.#monitor = monitor;
  }

  /** True while a disk is in the machine, or may be: it must not be saved then. */
  get inUse(): boolean {
    return this.#luns.size > 0;
  }

  /** Plugs a disk in. A failure is told in words, and leaves the machine as it was. */
  async plug(disk: PluggableDisk, signal: AbortSignal): Promise<Result<PluggedDisk, string>> {
    const lun = this.#freeLun();
    // A name is not used again, since QEMU may still be at work on what had it before.
    const node = `hotplug-${this.#serial++}`;
    const device = `${node}-device`;
    this.#luns.add(lun);
    const added = await this.#execute("blockdev-add", pluggedNode(disk, node), signal);
    if (!added.ok) {
      this.#luns.delete(lun);
      return added;
    }
    const plugged = await this.#execute("device_add", pluggedDevice(node, device, lun), signal);
    if (!plugged.ok) {
      const removed = await this.#execute("blockdev-del", { "node-name": node }, signal);
      if (removed.ok) this.#luns.delete(lun);
      return plugged;
    }
    return ok({ lun, unplug: (stop) => this.#unplug({ lun, node, device }, stop) });
  }

  async #unplug(
    { lun, node, device }: { readonly lun: number; readonly node: string; readonly device: string },
    cancel: AbortSignal,
  ): Promise<Result<void, string>> {
    const signal = AbortSignal.any([cancel, AbortSignal.timeout(unplugTimeoutMs)]);
    const gone = this.#deleted(device, signal);
    const asked = await this.#execute("device_del", { id: device }, signal);
    if (!asked.ok) return asked;
    const deleted = await gone;
    if (!deleted.ok) return failed(`device_del: ${textOf(deleted.error)}`);
    const closed = await this.#execute("blockdev-del", { "node-name": node }, signal);
    if (closed.ok) this.#luns.delete(lun);
    return closed;
  }

  async #deleted(device: string, signal: AbortSignal): Promise<Result<void, QmpFailure>> {
    for (;;) {
      const event = await this.#monitor.waitForEvent("DEVICE_DELETED", signal);
      if (!event.ok) return event;
      if (event.value.data["device"] === device) return ok();
    }
  }

  async #execute(
    command: string,
    args: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<Result<void, string>> {
    const done = await this.#monitor.execute(command, args, signal);
    return done.ok ? ok() : failed(`${command}: ${textOf(done.error)}`);
  }

  #freeLun(): number {
    let lun = 0;
    while (this.#luns.has(lun)) lun++;
    return lun;
  }
}

function textOf(failure: QmpFailure): string {
  return "message" in failure ? failure.message : "it took too long, or was cancelled";
}
