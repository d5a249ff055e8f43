import type { Session } from "../machine/session.ts";
import { runScript } from "./remote-script.ts";

/**
 * A guest that was resumed with a network has what it was told without one: no route to the outside and no
 * name server. Its DHCP client asks again; where there is none, they are set as QEMU's network has them.
 */
const script = `
link=$(ls /sys/class/net | grep -v '^lo$' | head -n 1)
has_route() { grep -q "^$link[[:space:]]00000000" /proc/net/route; }
has_names() { grep -qs '^nameserver' /etc/resolv.conf; }
if ! has_route || ! has_names; then
  if [ -d /run/systemd/netif ]; then networkctl renew "$link"
  elif command -v dhclient; then dhclient -1 "$link"
  elif [ -d /run/NetworkManager ]; then nmcli device reapply "$link"
  fi
  tries=100
  until { has_route && has_names; } || [ "$tries" = 0 ]; do
    sleep 0.05
    tries=$((tries - 1))
  done
  has_route || ip route add default via 10.0.2.2 dev "$link"
  has_names || echo 'nameserver 10.0.2.3' >>/etc/resolv.conf
fi >/dev/null 2>&1
exit 0
`;

/** Makes the outside reachable by address and by name. What cannot be done shows in the step itself. */
export async function openNetwork(session: Session, signal: AbortSignal): Promise<void> {
  await runScript(session, { command: "exec /bin/sh", stdin: script, signal });
}
