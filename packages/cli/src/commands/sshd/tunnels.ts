/** PermitTunnel: tunnel devices of this machine for clients, as far as the system would give them to the user. */
import type { Peer, TunnelEnd, TunnelRequest } from '@nacre/ssh/server';
import { mayUseTunnel, TunnelDevice, tunnelName } from '../../os/index.ts';
import type { Admitted } from './admission.ts';

/** Interfaces that have been opened for each connection, for SSH_TUNNEL. */
const opened = new WeakMap<Peer, string[]>();

/** The interfaces that were opened for a connection, in order. */
export function tunnelsOf(peer: Peer): readonly string[] {
  return opened.get(peer) ?? [];
}

/**
 * Opens the device that a client asks for; undefined where it may not have it.
 *
 * @throws SshError where the system refuses.
 */
export async function openTunnelEnd(
  request: TunnelRequest,
  peer: Peer,
  admission: Admitted,
): Promise<TunnelEnd | undefined> {
  const { permitTunnel, disableForwarding } = admission.settingsOf(peer);
  const log = admission.logFor(peer);
  if (disableForwarding || (permitTunnel !== 'yes' && permitTunnel !== request.mode)) {
    log('VERBOSE', 'Server has rejected tunnel device forwarding');
    return undefined;
  }
  const candidate = admission.find(peer);
  if (candidate?.isValid !== true) return undefined;
  // This process may be root's: what only root may do, it does for root only.
  const isOwn = candidate.account.uid === process.getuid?.();
  if (!isOwn && !mayUseTunnel(tunnelName(request), candidate.account)) {
    log('INFO', `Failed to open the tunnel device: ${tunnelName(request) || 'a new one'} is not the user's own`);
    return undefined;
  }
  let device: TunnelDevice;
  try {
    device = new TunnelDevice(request);
  } catch (error) {
    log('INFO', `Failed to open the tunnel device: ${(error as Error).message}`);
    throw error;
  }
  // Deleted between the two looks, it was made anew by the call above, with the rights of this process.
  if (!isOwn && !mayUseTunnel(device.name, candidate.account)) {
    device.close();
    return undefined;
  }
  log('DEBUG1', `Tunnel forwarding using interface ${device.name}`);
  opened.set(peer, [...tunnelsOf(peer), device.name]);
  return {
    start: (tunnel) => device.join(tunnel),
    close: () => device.close(),
  };
}
