/** -w: a tunnel device here joined to one of the server's, told of in OpenSSH's words. */
import type { ClientConnection } from '@nacre/ssh/client';
import { parseTunnelDevice } from '@nacre/ssh/config';
import {
  anyTunnelUnit,
  type OpenRefusal,
  type PacketTunnel,
  type TunnelMode,
  tunnelModes,
} from '@nacre/ssh/connection';
import { SshError } from '@nacre/ssh/errors';
import { TunnelDevice } from '../../os/tunnel-device.ts';
import { FatalError } from './end.ts';
import { describeRefusal } from './forward-words.ts';
import type { Request } from './request.ts';

/** A tunnel that stands. */
export interface OpenTunnel {
  /** Of the network interface here. */
  readonly name: string;
  /** Settles when it is over, by either end. Never rejects. */
  readonly closed: Promise<unknown>;
}

/**
 * Opens the tunnel that the settings ask for.
 *
 * @returns undefined where there is none, which the log says.
 * @throws FatalError where it must not fail (ExitOnForwardFailure).
 */
export async function openTunnel(connection: ClientConnection, request: Request): Promise<OpenTunnel | undefined> {
  const device = openDevice(request);
  if (device === undefined) return undefined;
  let tunnel: PacketTunnel | undefined;
  try {
    tunnel = await joinDevice(device, connection, request);
  } finally {
    if (tunnel === undefined) device.close();
  }
  return tunnel && { name: device.name, closed: tunnel.closed.then(() => device.close()) };
}

/** The same for a connection that is made anew when it is lost: the device stays, with its addresses and routes. */
export function keepTunnel(request: Request): (connection: ClientConnection) => Promise<void> {
  let device: TunnelDevice | undefined;
  return async (connection) => {
    device ??= openDevice(request);
    if (device === undefined) return;
    void device.closed.then(() => {
      device = undefined;
    });
    await joinDevice(device, connection, request);
  };
}

/** OpenSSH says that it failed; why, is said before. */
function openDevice({ settings, log }: Request): TunnelDevice | undefined {
  const { mode, local } = wanted(settings);
  log.debug(1, `Requesting tun unit ${local ?? anyTunnelUnit} in mode ${tunnelModes[mode]}`);
  try {
    const device = new TunnelDevice({ mode, unit: local });
    log.debug(1, `Tunnel forwarding using interface ${device.name}`);
    return device;
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    log.error(`${error.message}${error.remedy === undefined ? '' : `: ${error.remedy}`}`);
    log.error('Tunnel device open failed.');
    const failure = 'Could not request tunnel forwarding.';
    if (settings.exitOnForwardFailure) throw new FatalError(failure);
    log.error(failure);
    return undefined;
  }
}

async function joinDevice(
  device: TunnelDevice,
  connection: ClientConnection,
  { settings, log }: Request,
): Promise<PacketTunnel | undefined> {
  const { mode, remote } = wanted(settings);
  try {
    const tunnel = await connection.openTunnel({ mode, unit: remote });
    log.debug(1, `ssh_tun_confirm: tunnel forward established, id=${tunnel.id}`);
    device.join(tunnel);
    return tunnel;
  } catch (error) {
    if (!(error instanceof SshError) || error.code !== 'channel-open-refused') throw error;
    log.error(describeRefusal(error.cause as OpenRefusal));
    log.error('Tunnel forwarding failed');
    if (settings.exitOnForwardFailure) throw new FatalError('');
    return undefined;
  }
}

function wanted({ tunnel, tunnelDevice }: Request['settings']) {
  const mode: TunnelMode = tunnel === 'ethernet' ? 'ethernet' : 'point-to-point';
  return { mode, ...(parseTunnelDevice(tunnelDevice) ?? { local: undefined, remote: undefined }) };
}
