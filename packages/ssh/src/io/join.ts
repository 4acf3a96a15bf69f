/** Joins two byte streams: what one reads the other writes, each direction ends by itself, and an error ends both. */
import type { Duplex } from 'node:stream';

export function join(a: Duplex, b: Duplex): void {
  carry(a, b);
  carry(b, a);
}

function carry(from: Duplex, to: Duplex): void {
  from.on('error', () => to.destroy());
  // Closed without having ended: the other side must not wait for more.
  from.on('close', () => {
    if (!from.readableEnded) to.destroy();
  });
  from.pipe(to);
}
