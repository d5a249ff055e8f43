import { describe, expect, test } from "vitest";
import { linuxProfile } from "../../test/fixtures/profiles.ts";
import type { MachineConfig } from "./machine.ts";
import { qemuArgv, qemuPackage, qemuProgram } from "./qemu-argv.ts";

type Changes = Omit<Partial<MachineConfig>, "profile"> & {
  readonly profile?: Parameters<typeof linuxProfile>[0];
};

function argv({ profile, ...changes }: Changes = {}): readonly string[] {
  const config: MachineConfig = {
    profile: linuxProfile(profile),
    diskPath: "/store/result-tmp/abc/rootfs/image.qcow2",
    serialLogPath: "/store/result-tmp/abc/serial.log",
    memoryBytes: 2 ** 30,
    cpus: 2,
    accelerator: "tcg",
    network: false,
    bootTimeoutMs: 60_000,
    storeIdentityPath: "/store/state/ssh/id_ed25519",
    outliveParent: false,
    ...changes,
  };
  return qemuArgv(config, {
    qmpPath: "/run/vmbuild-1/qmp.sock",
    agent: {
      controlPath: "/run/vmbuild-1/ctl.sock",
      dataPath: "/run/vmbuild-1/dat.sock",
      errorPath: "/run/vmbuild-1/err.sock",
    },
    incomingPath: "/run/vmbuild-1/mig.sock",
  });
}

/** One option per line, as one would type it. */
function lines(arguments_: readonly string[]): string {
  return arguments_.join(" ").replaceAll(/ (?=-[a-z])/g, "\n");
}

/** The values given to an option. */
function values(option: string, changes: Changes = {}): readonly string[] {
  const given = argv(changes);
  return given.filter((_, index) => given[index - 1] === option);
}

describe("the whole command line", () => {
  test("of a Linux guest on a PC, under TCG", () => {
    expect(lines(argv())).toBe(`-nodefaults
-no-user-config
-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny
-machine q35
-accel tcg,tb-size=256
-cpu max,-erms,-fsrm
-smp 2
-m 1024M
-action reboot=shutdown,shutdown=poweroff,panic=shutdown
-display none
-vga none
-rtc base=utc
-chardev file,id=serial0,path=/store/result-tmp/abc/serial.log
-serial chardev:serial0
-chardev socket,id=qmp,path=/run/vmbuild-1/qmp.sock,server=on,wait=off
-mon chardev=qmp,mode=control
-blockdev {"driver":"qcow2","node-name":"disk0","discard":"unmap","detect-zeroes":"unmap","cache":{"direct":false,"no-flush":true},"file":{"driver":"file","node-name":"disk0-file","filename":"/store/result-tmp/abc/rootfs/image.qcow2"}}
-device virtio-blk-pci,drive=disk0,bootindex=0
-netdev user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:0-:22
-device virtio-net-pci,netdev=net0,romfile=
-device virtio-rng-pci
-device virtio-scsi-pci,id=hotplug`);
  });

  test("of an aarch64 guest with a kernel of its own", () => {
    const boot = { kind: "kernel", kernel: "/k", initrd: "/i", append: "console=ttyAMA0" } as const;
    expect(lines(argv({ profile: { arch: "aarch64", machine: "virt", boot } }))).toBe(`-nodefaults
-no-user-config
-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny
-machine virt
-accel tcg,tb-size=256
-cpu max,pauth-impdef=on
-smp 2
-m 1024M
-action reboot=shutdown,shutdown=poweroff,panic=shutdown
-display none
-vga none
-rtc base=utc
-chardev file,id=serial0,path=/store/result-tmp/abc/serial.log
-serial chardev:serial0
-chardev socket,id=qmp,path=/run/vmbuild-1/qmp.sock,server=on,wait=off
-mon chardev=qmp,mode=control
-kernel /k
-initrd /i
-append console=ttyAMA0
-blockdev {"driver":"qcow2","node-name":"disk0","discard":"unmap","detect-zeroes":"unmap","cache":{"direct":false,"no-flush":true},"file":{"driver":"file","node-name":"disk0-file","filename":"/store/result-tmp/abc/rootfs/image.qcow2"}}
-device virtio-blk-pci,drive=disk0
-netdev user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:0-:22
-device virtio-net-pci,netdev=net0,romfile=
-device virtio-rng-pci
-device virtio-scsi-pci,id=hotplug`);
  });

  test("of a Windows guest, for which there are drivers", () => {
    const profile = {
      os: "windows",
      machine: "pc",
      diskBus: "ide",
      bulkTransport: "stream",
    } as const;
    const devices = values("-device", { profile });
    expect(devices).toEqual([
      "ide-hd,bus=ide.0,drive=disk0,bootindex=0",
      "e1000,netdev=net0,romfile=",
    ]);
    expect(values("-vga", { profile })).toEqual(["std"]);
    expect(values("-rtc", { profile })).toEqual(["base=localtime"]);
  });
});

describe("the disk's bus", () => {
  test.each([
    ["virtio", ["virtio-blk-pci,drive=disk0,bootindex=0"]],
    ["scsi", ["virtio-scsi-pci,id=scsi0", "scsi-hd,bus=scsi0.0,drive=disk0,bootindex=0"]],
    ["sata", ["ahci,id=sata0", "ide-hd,bus=sata0.0,drive=disk0,bootindex=0"]],
    ["ide", ["ide-hd,bus=ide.0,drive=disk0,bootindex=0"]],
    ["nvme", ["nvme,serial=vmbuild,drive=disk0,bootindex=0"]],
  ] as const)("%s", (diskBus, devices) => {
    expect(values("-device", { profile: { diskBus } }).slice(0, devices.length)).toEqual(devices);
  });
});

describe("the firmware", () => {
  const uefi = { kind: "firmware", firmware: { kind: "uefi", codePath: "/ovmf,4M.fd" } } as const;

  test("is read-only flash on x86_64", () => {
    expect(values("-machine", { profile: { boot: uefi } })).toEqual(["q35,pflash0=firmware"]);
    expect(values("-blockdev", { profile: { boot: uefi } })[0]).toBe(
      '{"driver":"raw","node-name":"firmware","read-only":true,"file":{"driver":"file","filename":"/ovmf,4M.fd"}}',
    );
  });

  test("is given by -bios on aarch64, and waits for no key", () => {
    const profile = { arch: "aarch64", machine: "virt", boot: uefi } as const;
    expect(values("-bios", { profile })).toEqual(["/ovmf,4M.fd"]);
    expect(values("-boot", { profile })).toEqual(["menu=on,splash-time=0"]);
    expect(values("-machine", { profile })).toEqual(["virt"]);
  });
});

describe("single options", () => {
  test.each<[string, string, Changes, string]>([
    ["KVM has no code buffer", "-accel", { accelerator: "kvm" }, "kvm"],
    ["KVM shows the host's CPU", "-cpu", { accelerator: "kvm" }, "host"],
    ["a CPU model may be asked for", "-cpu", { cpuModel: "qemu64" }, "qemu64"],
    ["memory is rounded up to MiB", "-m", { memoryBytes: 2 ** 29 + 1 }, "513M"],
    [
      "the network is open only when asked for",
      "-netdev",
      { network: true },
      "user,id=net0,restrict=off,hostfwd=tcp:127.0.0.1:0-:22",
    ],
    [
      "the SSH port is the login's",
      "-netdev",
      { profile: { login: { port: 2222 } } },
      "user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:0-:2222",
    ],
    [
      "a comma in a path stays in the path",
      "-chardev",
      { serialLogPath: "/a,b/serial,log" },
      "file,id=serial0,path=/a,,b/serial,,log",
    ],
  ])("%s", (_name, option, changes, value) => {
    expect(values(option, changes)).toContain(value);
  });

  test("microvm has no PCI bus", () => {
    const boot = { kind: "kernel", kernel: "/k", append: "" } as const;
    const devices = values("-device", { profile: { machine: "microvm,x-option=on", boot } });
    expect(devices).toEqual([
      "virtio-blk-device,drive=disk0",
      "virtio-net-device,netdev=net0",
      "virtio-rng-device",
      "virtio-scsi-device,id=hotplug",
    ]);
  });
});

test.each([
  ["x86_64", "qemu-system-x86_64", "qemu-system-x86"],
  ["aarch64", "qemu-system-aarch64", "qemu-system-arm"],
] as const)("%s is emulated by %s of %s", (arch, program, debianPackage) => {
  expect(qemuProgram(arch)).toBe(program);
  expect(qemuPackage(arch)).toBe(debianPackage);
});
