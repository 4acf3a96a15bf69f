/** Counts what a Readable holds of a channel's data, so that the peer's window reopens exactly as it is read. */

import type { Channel } from './channel.ts';

/** One reader's share of the receive window. */
export class ReadCredit {
  readonly #channel: Channel;
  #heldBytes = 0;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** So many bytes are pushed into the Readable. */
  add(byteCount: number): void {
    this.#heldBytes += byteCount;
  }

  /** The Readable buffers so many bytes now, the rest was read. With setEncoding it counts characters: a little early. */
  settle(bufferedBytes: number): void {
    const readBytes = this.#heldBytes - bufferedBytes;
    if (readBytes <= 0) return;
    this.#heldBytes = bufferedBytes;
    this.#channel.consumed(readBytes);
  }
}
