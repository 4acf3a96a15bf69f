/** Keeps the agent's keys from other users and other processes: who may connect, and who may read its memory. */
import { close, url } from 'node:inspector';
import type { Socket } from 'node:net';
import { platform, tryPlatform } from '../../os/native.ts';
import { Ending } from '../ssh-keygen/ending.ts';
import type { AgentLog } from './log.ts';

/** No core file and no debugger of the same user, where the system can be told so. SIGUSR1 must have its handler already. */
export function hideMemory(log: AgentLog): void {
  // A SIGUSR1 that came before the handler has made Node open its own debugger to everybody on this machine.
  if (url() !== undefined) close();
  try {
    platform().hideMemory();
  } catch (error) {
    log('error', `unable to make the process undumpable: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/**
 * Says why a connection is refused: another user's, root's excepted, who can read this process anyway.
 *
 * Where the system cannot be asked, the mode of the socket (0600 from the first moment) has kept others out already; of a socket
 * that somebody else made nothing is known, and the agent does not start.
 */
export function createPeerCheck(socketMode: 'own' | 'given'): (socket: Socket) => string | undefined {
  const system = tryPlatform();
  if (system === undefined && socketMode === 'given') {
    throw new Ending('cannot tell whose connections a socket brings that another program opened');
  }
  const own = process.getuid?.();
  return (socket) => {
    if (system === undefined) return undefined;
    const fd = descriptorOf(socket);
    if (fd === undefined) return 'getpeereid failed: the connection is gone';
    try {
      const peer = system.getPeerUserId(fd);
      return peer === 0 || peer === own ? undefined : `uid mismatch: peer euid ${peer} != uid ${own}`;
    } catch (error) {
      return `getpeereid ${fd} failed: ${error instanceof Error ? error.message : String(error)}`;
    }
  };
}

/** Node shows a socket's descriptor nowhere else. */
function descriptorOf(socket: Socket): number | undefined {
  const { _handle: handle } = socket as Socket & { readonly _handle?: { readonly fd?: number } | null };
  return handle?.fd !== undefined && handle.fd >= 0 ? handle.fd : undefined;
}
