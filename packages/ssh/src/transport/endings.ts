/** How a connection ends: the errors of the transport itself, and what the peer is told. */
import { disconnectReasons, SshError } from '../errors.ts';
import { maxShownBytes } from '../limits.ts';
import { printable } from '../wire/index.ts';
import { disconnect } from './messages.ts';
import type { Phase } from './phase.ts';

const whenText: Record<Phase, string> = {
  'first-kexinit': 'before the first KEXINIT',
  'first-kex': 'during the first key exchange',
  service: 'before a service is agreed on',
  auth: 'before login',
  connection: 'after login',
  rekey: 'during a key exchange',
};

/** "… may not come before login". */
export function describePhase(phase: Phase): string {
  return whenText[phase];
}

/** The DISCONNECT message for an error. Only what the peer did wrong, or is meant for it, is told in words: our own troubles are our own. */
export function encodeDisconnect(error: SshError): Buffer {
  const reason = error.disconnect ?? disconnectReasons.byApplication;
  const own = error.side === 'peer' && error.disconnect !== undefined ? error.message : 'disconnected by user';
  const text = error.farewell ?? own;
  return disconnect.encode({
    reason,
    description: Buffer.from(text.slice(0, 255), 'utf8'),
    language: Buffer.alloc(0),
  });
}

export function disconnectedByPeer(payload: Buffer): SshError {
  const { reason, description } = disconnect.decode(payload);
  return new SshError(`Received disconnect: ${reason}: ${printable(description.subarray(0, maxShownBytes), 'many')}`, {
    code: 'disconnected',
    stage: 'transport',
    side: 'peer',
  });
}

export function kexTimedOut(timeoutMs: number): SshError {
  return new SshError(`the key exchange did not end within ${timeoutMs / 1000} seconds`, {
    code: 'timeout',
    stage: 'kex',
    side: 'peer',
    disconnect: disconnectReasons.keyExchangeFailed,
  });
}

export function limitExceeded(message: string): SshError {
  return new SshError(message, {
    code: 'limit-exceeded',
    stage: 'transport',
    side: 'peer',
    disconnect: disconnectReasons.protocolError,
  });
}

export function connectionLost(identified: boolean, cause: unknown): SshError {
  const where = identified ? 'without a word' : 'before it identified itself';
  return new SshError(
    cause instanceof Error ? `the connection was lost: ${cause.message}` : `the peer closed the connection ${where}`,
    {
      code: 'connection-lost',
      stage: identified ? 'transport' : 'identification',
      side: 'peer',
      cause,
    },
  );
}

export function misuse(message: string): SshError {
  return new SshError(message, { code: 'misuse', stage: 'transport' });
}

export function noStrictKex(): SshError {
  return new SshError('the peer does not offer strict key exchange, which is required here', {
    code: 'no-common-algorithm',
    stage: 'kex',
    side: 'peer',
    remedy: 'Update the peer: without it a man in the middle can cut off messages (CVE-2023-48795).',
    disconnect: disconnectReasons.keyExchangeFailed,
  });
}
