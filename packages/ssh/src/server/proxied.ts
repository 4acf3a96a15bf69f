/** Takes the PROXY header off a connection that a balancer opened, and not one byte of what is behind it. */
import type { Socket } from 'node:net';
import { SshError } from '../errors.ts';
import { adoptSocket, readBuffer, type StreamDriver, systemClock } from '../io/index.ts';
import { proxyHeaderMs } from '../limits.ts';
import { leastProxyHeaderBytes, type ProxyHeader, readProxyHeader } from './proxy-protocol.ts';

/** What became of it: `silent` for one that ended without a byte, as health checks do. */
export type ProxyOutcome = ProxyHeader | 'silent' | SshError;

/**
 * Reads the header of a socket that was accepted paused (`pauseOnConnect`). All that follows is still in the system's hands, and
 * reading is paused until `setReading(true)`.
 *
 * @param done - called once; where it is given no header, the socket is closed.
 * @param timeoutMs - how long the header may take.
 */
export function takeProxyHeader(
  accepted: Socket,
  done: (outcome: ProxyOutcome) => void,
  timeoutMs: number = proxyHeaderMs,
): StreamDriver {
  let bytes: Buffer = Buffer.alloc(0);
  let wanted: number | undefined = leastProxyHeaderBytes;
  let isDone = false;
  // Once the header is whole the buffer is the shared one, as with any other connection.
  const driver = adoptSocket(accepted, () => (wanted === undefined ? readBuffer().length : wanted - bytes.length));
  const finish = (outcome: ProxyOutcome): void => {
    if (isDone) return;
    isDone = true;
    cancel();
    wanted = undefined;
    if (outcome === 'silent' || outcome instanceof SshError) driver.stream.destroy();
    else driver.setReading(false);
    done(outcome);
  };
  const cancel = systemClock.setTimer(timeoutMs, () => finish(bytes.length === 0 ? 'silent' : incomplete()));
  driver.drive({
    receive(chunk) {
      bytes = Buffer.concat([bytes, chunk]);
      try {
        const read = readProxyHeader(bytes);
        if (typeof read === 'number') wanted = read;
        else finish(read);
      } catch (error) {
        finish(error as SshError);
      }
    },
    receiveEnd: () => finish(bytes.length === 0 ? 'silent' : incomplete()),
    onDrain: () => {},
  });
  return driver;
}

function incomplete(): SshError {
  return new SshError('bad PROXY header: it is not whole', {
    code: 'protocol-error',
    stage: 'identification',
    side: 'peer',
  });
}
