/** -w: a tunnel device here joined to one of the server's, told of in OpenSSH's words. */
import type { ClientConnection } from '@nacre/ssh/client';
import { parseTunnelDevice } from '@nacre/ssh/config';
import { anyTunnelUnit, type OpenRefusal, type PacketTunnel, tunnelModes } from '@nacre/ssh/connection';
import { SshError } from '@nacre/ssh/errors';
import { TunnelDevice, type TunnelDeviceOptions } from '../../os/tunnel-device.ts';
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
  const { settings, log } = request;
  const mode = settings.tunnel === 'ethernet' ? 'ethernet' : 'point-to-point';
  const units = parseTunnelDevice(settings.tunnelDevice) ?? { local: undefined, remote: undefined };
  log.debug(1, `Requesting tun unit ${units.local ?? anyTunnelUnit} in mode ${tunnelModes[mode]}`);
  const device = openDevice({ mode, unit: units.local }, request);
  if (device === undefined) return undefined;
  log.debug(1, `Tunnel forwarding using interface ${device.name}`);
  let tunnel: PacketTunnel;
  try {
    tunnel = await connection.openTunnel({ mode, unit: units.remote });
  } catch (error) {
    device.close();
    if (!(error instanceof SshError) || error.code !== 'channel-open-refused') throw error;
    log.error(describeRefusal(error.cause as OpenRefusal));
    log.error('Tunnel forwarding failed');
    if (settings.exitOnForwardFailure) throw new FatalError('');
    return undefined;
  }
  log.debug(1, `ssh_tun_confirm: tunnel forward established, id=${tunnel.id}`);
  device.join(tunnel);
  return { name: device.name, closed: tunnel.closed.then(() => device.close()) };
}

/** OpenSSH says that it failed; why, is said before. */
function openDevice(wanted: TunnelDeviceOptions, { settings, log }: Request): TunnelDevice | undefined {
  try {
    return new TunnelDevice(wanted);
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
