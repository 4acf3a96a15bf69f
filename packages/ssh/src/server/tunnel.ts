/** tun@openssh.com at the server: a tunnel of packets, held to what the login may. */
import {
  anyTunnelUnit,
  type IncomingOpen,
  openFailureReasons,
  PacketTunnel,
  type TunnelMode,
  tunnelModes,
  tunOpenssh,
} from '../connection/index.ts';
import type { ChannelSettings, TunnelEnd } from './options.ts';
import type { ServerConnection } from './server-connection.ts';

/** Opens the device that the client asks for, where everybody agrees. */
export async function openTunnel(
  open: IncomingOpen,
  connection: ServerConnection,
  options: ChannelSettings,
): Promise<void> {
  const { mode: modeNumber, unit } = tunOpenssh.data.decode(open.data);
  const { allow, tunnelDevice } = connection.permissions;
  const mode = modeOf(modeNumber);
  if (options.tunnel === undefined || !allow.tunnel || mode === undefined) return open.refuse();
  // tunnel="n" of the key: that device and no other.
  if (tunnelDevice !== undefined && unit !== anyTunnelUnit && unit !== tunnelDevice) return open.refuse();
  const wanted = tunnelDevice ?? (unit === anyTunnelUnit ? undefined : unit);
  let end: TunnelEnd | undefined;
  try {
    end = await options.tunnel({ mode, unit: wanted }, connection);
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'failed';
    return open.refuse(openFailureReasons.connectFailed, `Tunnel device open failed: ${reason}`);
  }
  if (end === undefined) return open.refuse();
  if (connection.connection.ended) return end.close();
  const tunnel = new PacketTunnel(
    open.accept({ label: 'tun', subject: { kind: 'tunnel', destination: `${mode} device` } }),
    mode,
  );
  void tunnel.closed.then(() => end.close());
  end.start(tunnel);
}

function modeOf(number: number): TunnelMode | undefined {
  return (Object.keys(tunnelModes) as TunnelMode[]).find((mode) => tunnelModes[mode] === number);
}
