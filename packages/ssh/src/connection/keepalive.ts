/** Finds out that a peer is gone: asks when it has been silent, gives up when it stays so. */

import { SshError } from '../errors.ts';
import type { Clock } from '../transport/link.ts';

/** As ServerAliveInterval and ServerAliveCountMax of ssh_config. */
export interface KeepaliveOptions {
  intervalMs: number;
  /** Questions in a row that may go unanswered. */
  countMax: number;
}

/** What the keepalive needs of its connection. */
export interface KeepaliveHost {
  readonly clock: Clock;
  /** Messages received so far; any of them shows that the peer lives. */
  receivedCount(): number;
  /** Sends a request that the peer must answer. */
  ask(): void;
  fail(error: SshError): void;
}

/** Starts asking; the returned function stops it. */
export function startKeepalive(host: KeepaliveHost, options: KeepaliveOptions): () => void {
  let unanswered = 0;
  let heard = host.receivedCount();
  let cancel = host.clock.setTimer(options.intervalMs, tick);

  function tick(): void {
    const received = host.receivedCount();
    if (received !== heard) {
      heard = received;
      unanswered = 0;
      cancel = host.clock.setTimer(options.intervalMs, tick);
      return;
    }
    if (unanswered >= options.countMax) {
      host.fail(
        new SshError(`the peer answered none of ${unanswered} keepalives in ${unanswered * options.intervalMs} ms`, {
          code: 'timeout',
          stage: 'transport',
          side: 'peer',
          disconnect: 10,
          remedy: 'The network or the other end is down; connect again when it is back.',
        }),
      );
      return;
    }
    unanswered++;
    host.ask();
    cancel = host.clock.setTimer(options.intervalMs, tick);
  }

  return () => cancel();
}
