/** Joins a socket that a server accepted paused to a driver, by whichever way of reading may be taken. */
import type { Socket } from 'node:net';
import { isForcedOff } from '../fast-paths.ts';
import { adoptSocket, StreamDriver } from './stream-driver.ts';

/**
 * Only for sockets that stay in this process: of events one may stand in the stream when it is given away, so what is handed over
 * or read to a certain byte calls `adoptSocket` itself.
 */
export function takeAccepted(accepted: Socket): StreamDriver {
  if (!isForcedOff('NACRE_ONREAD')) return adoptSocket(accepted);
  const driver = new StreamDriver(accepted);
  accepted.resume();
  return driver;
}
