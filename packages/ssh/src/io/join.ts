/** Joins two byte streams: what one reads the other writes, each direction ends by itself, and an error ends both. */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ChannelStream } from '../connection/index.ts';
import { releaseMemory } from './release-memory.ts';

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
  if (ownsChunks(from) && ownsChunks(to)) carryOwned(from, to);
  else from.pipe(to);
}

/** Each chunk that comes out is memory that nobody else holds, and one that is written is needed no more once that was done. */
function ownsChunks(stream: Duplex): boolean {
  return stream instanceof Socket || stream instanceof ChannelStream;
}

/** As `pipe`, and frees what was written. */
function carryOwned(from: Duplex, to: Duplex): void {
  from.on('data', (chunk: Buffer) => {
    // Whoever listens in may keep what it heard.
    const isOurs = from.listenerCount('data') === 1;
    const isTaken = to.write(chunk, (error) => {
      if (isOurs && (error === null || error === undefined)) releaseMemory([chunk]);
    });
    if (!isTaken) from.pause();
  });
  from.on('end', () => to.end());
  to.on('drain', () => from.resume());
  to.on('close', () => from.pause());
  if (to.writableNeedDrain) from.pause();
  else from.resume();
}
