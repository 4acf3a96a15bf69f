/** Answers to the peer, counted while the link is full. */

import { protocolError } from '../errors.ts';
import type { ConnectionLink } from '../transport/link.ts';

/** About what a packet costs besides its payload: header, padding, MAC, and the objects around it. */
const packetOverheadBytes = 64;

/** A peer that asks and never reads makes answers pile up in the link; past the limit it is cut off. */
export class Answers {
  readonly #link: ConnectionLink;
  readonly #maxQueuedBytes: number;
  #queuedBytes = 0;

  constructor(link: ConnectionLink, maxQueuedBytes: number) {
    this.#link = link;
    this.#maxQueuedBytes = maxQueuedBytes;
  }

  send(payload: Buffer): void {
    if (!this.#link.ready) {
      this.#queuedBytes += payload.length + packetOverheadBytes;
      if (this.#queuedBytes > this.#maxQueuedBytes) {
        const text = `the peer asks but does not read: ${this.#queuedBytes} bytes of answers wait`;
        this.#link.fail(protocolError('channel', text, { code: 'limit-exceeded' }));
        return;
      }
    }
    this.#link.send(payload);
  }

  /** The link takes bulk data again. */
  onLinkReady(): void {
    this.#queuedBytes = 0;
  }
}
