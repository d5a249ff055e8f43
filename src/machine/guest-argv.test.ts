import { describe, expect, test } from "vitest";
import type { GuestConfig } from "./guest.ts";
import { guestArgv } from "./guest-argv.ts";

const pc: GuestConfig = {
  os: "linux",
  arch: "x86_64",
  machine: "q35",
  boot: { kind: "firmware", firmware: { kind: "bios" } },
  diskPath: "/images/disk.qcow2",
  diskFormat: "qcow2",
  diskBus: "virtio",
  network: true,
  forwards: [{ guestPort: 22 }],
  memoryBytes: 2 ** 30,
  cpus: 2,
  accelerator: "tcg",
  console: { kind: "terminal" },
  ports: [],
};

function argv(changes: Partial<GuestConfig> = {}): readonly string[] {
  const config = { ...pc, ...changes };
  const ports = config.ports.map((name, index) => ({ name, path: `/run/v/${index}.sock` }));
  return guestArgv(config, { qmpPath: "/run/v/qmp.sock", ports });
}

/** One option per line, as one would type it. */
function lines(changes?: Partial<GuestConfig>): string {
  return argv(changes)
    .join(" ")
    .replaceAll(/ (?=-[a-zS])/g, "\n");
}

/** The values given to an option. */
function values(option: string, changes?: Partial<GuestConfig>): readonly string[] {
  const given = argv(changes);
  return given.filter((_, index) => given[index - 1] === option);
}

test("the whole command line of a PC on a terminal", () => {
  expect(lines()).toBe(`-nodefaults
-no-user-config
-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny
-machine q35
-accel tcg,tb-size=256
-cpu max,-erms,-fsrm
-smp 2
-m 1024M
-action reboot=reset,shutdown=poweroff,panic=shutdown
-display none
-vga none
-rtc base=utc
-chardev stdio,id=serial0,mux=on,signal=off
-serial chardev:serial0
-mon chardev=serial0,mode=readline
-chardev socket,id=qmp,path=/run/v/qmp.sock,server=on,wait=off
-mon chardev=qmp,mode=control
-blockdev {"driver":"qcow2","node-name":"disk0","discard":"unmap","detect-zeroes":"unmap","cache":{"direct":false,"no-flush":true},"file":{"driver":"file","node-name":"disk0-file","filename":"/images/disk.qcow2"}}
-device virtio-blk-pci,drive=disk0,bootindex=0
-netdev user,id=net0,restrict=off,hostfwd=tcp:127.0.0.1:0-:22
-device virtio-net-pci,netdev=net0,romfile=
-device virtio-rng-pci
-S`);
});

test("the whole command line of an Arm machine with UEFI, a seed and everything else", () => {
  const variables = { path: "/there/vars.fd", format: "raw" } as const;
  const codePath = "/usr/share/AAVMF/AAVMF_CODE.fd";
  expect(
    lines({
      arch: "aarch64",
      machine: "virt",
      boot: { kind: "firmware", firmware: { kind: "uefi", codePath, variables } },
      diskPath: "/images/disk.raw",
      diskFormat: "raw",
      isDurable: true,
      seedPath: "/there/seed.img",
      smbiosSerial: "ds=nocloud;i=a,b",
      network: false,
      forwards: [{ guestPort: 22 }, { guestPort: 80, hostPort: 8080 }],
      cpuModel: "cortex-a57",
      console: { kind: "file", path: "/there/console,log" },
      qmpPath: "images/monitor",
      ports: ["vmbuild.report", "other"],
    }),
  ).toBe(`-nodefaults
-no-user-config
-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny
-machine virt,pflash0=firmware,pflash1=variables
-accel tcg,tb-size=256
-cpu cortex-a57
-smp 2
-m 1024M
-action reboot=reset,shutdown=poweroff,panic=shutdown
-display none
-vga none
-rtc base=utc
-chardev file,id=serial0,path=/there/console,,log
-serial chardev:serial0
-chardev socket,id=qmp,path=/run/v/qmp.sock,server=on,wait=off
-mon chardev=qmp,mode=control
-chardev socket,id=qmp2,path=images/monitor,server=on,wait=off
-mon chardev=qmp2,mode=control
-blockdev {"driver":"raw","node-name":"firmware","read-only":true,"file":{"driver":"file","filename":"/usr/share/AAVMF/AAVMF_CODE.fd"}}
-blockdev {"driver":"raw","node-name":"variables","file":{"driver":"file","filename":"/there/vars.fd"}}
-blockdev {"driver":"raw","node-name":"disk0","discard":"unmap","detect-zeroes":"unmap","cache":{"direct":false,"no-flush":false},"file":{"driver":"file","node-name":"disk0-file","filename":"/images/disk.raw"}}
-device virtio-blk-pci,drive=disk0,bootindex=0
-smbios type=1,serial=ds=nocloud;i=a,,b
-netdev user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:0-:22,hostfwd=tcp:127.0.0.1:8080-:80
-device virtio-net-pci,netdev=net0,romfile=
-device virtio-rng-pci
-device virtio-serial-pci,id=agent
-chardev socket,id=vmbuild.report,path=/run/v/0.sock,server=on,wait=off
-device virtserialport,bus=agent.0,nr=1,chardev=vmbuild.report,name=vmbuild.report,id=vmbuild.report
-chardev socket,id=other,path=/run/v/1.sock,server=on,wait=off
-device virtserialport,bus=agent.0,nr=2,chardev=other,name=other,id=other
-blockdev {"driver":"raw","node-name":"seed","read-only":true,"file":{"driver":"file","filename":"/there/seed.img","read-only":true}}
-device virtio-blk-pci,drive=seed
-S`);
});

test("a console on a terminal may be logged", () => {
  expect(values("-chardev", { console: { kind: "terminal", logPath: "/a,b" } })).toContain(
    "stdio,id=serial0,mux=on,signal=off,logfile=/a,,b",
  );
});

describe("a seed is on the disk's bus", () => {
  test.each([
    ["virtio", "virtio-blk-pci,drive=seed"],
    ["scsi", "scsi-hd,bus=scsi0.0,drive=seed"],
    ["sata", "ide-cd,bus=sata0.1,drive=seed"],
    ["ide", "ide-cd,bus=ide.1,drive=seed"],
    ["nvme", "nvme,serial=seed,drive=seed"],
  ] as const)("%s", (diskBus, device) => {
    expect(values("-device", { diskBus, seedPath: "/seed" })).toContain(device);
  });
});

test("UEFI of which nothing is known but its code has no variables", () => {
  const firmware = { kind: "uefi", codePath: "/code.fd", codeFormat: "qcow2" } as const;
  expect(values("-machine", { boot: { kind: "firmware", firmware } })).toEqual([
    "q35,pflash0=firmware",
  ]);
  expect(values("-blockdev", { boot: { kind: "firmware", firmware } })[0]).toContain(
    '{"driver":"qcow2","node-name":"firmware"',
  );
});
