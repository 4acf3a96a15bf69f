/** What one forward carries and has carried: counted at the local ends of its connections, which are sockets of the system. */
import type { Duplex } from 'node:stream';

export interface ForwardTraffic {
  readonly openConnections: number;
  /** All since the forward stands, the open ones among them. */
  readonly connections: number;
  /** From the server's side to here. */
  readonly bytesIn: number;
  /** From here to the server's side. */
  readonly bytesOut: number;
}

export class ForwardLedger {
  readonly #open = new Set<Duplex>();
  #connections = 0;
  #bytesIn = 0;
  #bytesOut = 0;

  /** A connection whose local end this is; one that does not count itself adds no bytes. */
  opened(local: Duplex): void {
    this.#connections++;
    if (local.closed) return;
    this.#open.add(local);
    local.once('close', () => {
      this.#open.delete(local);
      const { bytesIn, bytesOut } = bytesOf(local);
      this.#bytesIn += bytesIn;
      this.#bytesOut += bytesOut;
    });
  }

  get traffic(): ForwardTraffic {
    let [bytesIn, bytesOut] = [this.#bytesIn, this.#bytesOut];
    for (const local of this.#open) {
      const counted = bytesOf(local);
      bytesIn += counted.bytesIn;
      bytesOut += counted.bytesOut;
    }
    return { openConnections: this.#open.size, connections: this.#connections, bytesIn, bytesOut };
  }
}

function bytesOf(local: Duplex & { bytesRead?: number; bytesWritten?: number }): { bytesIn: number; bytesOut: number } {
  return { bytesIn: local.bytesWritten ?? 0, bytesOut: local.bytesRead ?? 0 };
}
