/** A line in the log for every tunnel that is opened, and one with its bytes when it is closed. */
import type { Duplex } from 'node:stream';
import type { Peer } from '@nacre/ssh/server';
import { describe, type Say } from './admission.ts';
import { loggedName } from './log.ts';

let lastNumber = 0;

/**
 * Tells of the streams of one connection's forwards.
 *
 * @returns takes a stream and what it is, with the client's words made harmless, and gives the stream back.
 */
export function watchTunnel(
  log: Say,
  user: string,
  peer: Peer,
): <Stream extends Duplex>(s: Stream, n: string) => Stream {
  return (stream, name) => {
    const number = ++lastNumber;
    const what = `${name} for user ${loggedName(user)} from ${describe(peer)}`;
    log('INFO', `Tunnel ${number} opened: ${what}`);
    stream.once('close', () => {
      const { bytesWritten = 0, bytesRead = 0 } = stream as { bytesWritten?: number; bytesRead?: number };
      log('INFO', `Tunnel ${number} closed: ${what}, ${bytesWritten} bytes from the client, ${bytesRead} to it`);
    });
    return stream;
  };
}
