import type { Session } from "../machine/session.ts";
import { runScript } from "./remote-script.ts";

/**
 * A guest that was resumed with a network has what it was told without one: no route to the outside and no
 * name server. They are set to what QEMU's network always has (qemu(1), `-netdev user`), since a DHCP client
 * takes seconds to ask again.
 */
const script = `
link=$(ls /sys/class/net | grep -v '^lo$' | head -n 1)
grep -q "^$link[[:space:]]00000000" /proc/net/route || ip route add default via 10.0.2.2 dev "$link"
if [ -e /run/systemd/resolve/resolv.conf ]; then
  grep -q '^nameserver' /run/systemd/resolve/resolv.conf || resolvectl dns "$link" 10.0.2.3
elif ! grep -qs '^nameserver' /etc/resolv.conf; then
  echo 'nameserver 10.0.2.3' >>/etc/resolv.conf
fi >/dev/null 2>&1
exit 0
`;

/** Makes the outside reachable by address and by name. What cannot be done shows in the step itself. */
export async function openNetwork(session: Session, signal: AbortSignal): Promise<void> {
  await runScript(session, { command: "exec /bin/sh", stdin: script, signal });
}
