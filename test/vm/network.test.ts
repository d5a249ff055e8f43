import { createSocket } from "node:dgram";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { VmRig } from "../support/vm-rig.ts";

test.each(["warm", "cold"])(
  "a %s step reaches the network only when it says so",
  async (boot) => {
    await using rig = await VmRig.create({ fresh: true });
    const reached = new Set<string>();
    const tcp = createServer((request, response) => {
      reached.add(`tcp ${request.url}`);
      response.end("answered\n");
    });
    // A request for a file (RFC 1350) begins with its name.
    const udp = createSocket("udp4", (message) => {
      reached.add(`udp ${message.toString("latin1", 2).split("\0", 1).join("")}`);
    });
    await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.1", resolve));
    await new Promise<void>((resolve) => udp.bind(0, "127.0.0.1", resolve));
    try {
      const [tcpPort, udpPort] = [(tcp.address() as AddressInfo).port, udp.address().port];
      // A step that was not let out tries all it can: it makes the routes itself, and asks for a name.
      const step = (name: string, network: string): string => `
      (run ${network} (shell "
        link=$(ls /sys/class/net | grep -v '^lo$' | head -n 1)
        [ -n '${network}' ] || { ip addr add 10.0.2.15/24 dev $link; ip route add default via 10.0.2.2 dev $link; } 2>/dev/null
        timeout 5 wget -q -O - http://10.0.2.2:${tcpPort}/${name} || echo cut off
        timeout 5 tftp -g -l /tmp/x -r ${name} 10.0.2.2 ${udpPort} 2>/dev/null
        [ -n '${network}' ] || { timeout 5 nslookup deb.debian.org 10.0.2.3 2>&1 | grep -q 'answer:\\|Address.*[0-9]: [0-9]' && echo name server; }
        true"))`;
      const host = "(network host)";
      const build = await rig.build(
        step("before", "") + step("host", host) + step("nat", "(network nat)") + step("after", ""),
        ["--boot", boot, "-v"],
      );
      expect(build.exitCode, build.stderr).toBe(0);
      const told = build.stderr.match(/(?<=\| )(answered|cut off|name server)$/gm);
      expect(told).toEqual(["cut off", "answered", "answered", "cut off"]);
      expect([...reached].sort()).toEqual(["tcp /host", "tcp /nat", "udp host", "udp nat"]);
      expect(build.stderr.match(/\] booting$/gm)).toHaveLength(boot === "warm" ? 1 : 4);
    } finally {
      tcp.close();
      udp.close();
    }
  },
  600_000,
);
