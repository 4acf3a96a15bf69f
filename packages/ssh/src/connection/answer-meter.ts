/** Answers on their way to the peer, counted: a peer that asks and never reads is cut off. */

import { protocolError } from '../errors.ts';
import type { ConnectionLink } from '../transport/link.ts';

/** About what a packet costs besides its payload: header, padding, MAC, and the objects around it. */
const packetOverheadBytes = 64;

export class AnswerMeter {
  readonly #link: ConnectionLink;
  readonly #maxQueuedBytes: number;
  #unsentBytes = 0;

  constructor(link: ConnectionLink, maxQueuedBytes: number) {
    this.#link = link;
    this.#maxQueuedBytes = maxQueuedBytes;
  }

  send(payload: Buffer): void {
    if (!this.#link.ready) {
      this.#unsentBytes += payload.length + packetOverheadBytes;
      if (this.#unsentBytes > this.#maxQueuedBytes) {
        const text = `the peer asks but does not read: ${this.#unsentBytes} bytes of answers wait`;
        this.#link.fail(protocolError('channel', text, { code: 'limit-exceeded' }));
        return;
      }
    }
    this.#link.send(payload);
  }

  onLinkReady(): void {
    this.#unsentBytes = 0;
  }
}
