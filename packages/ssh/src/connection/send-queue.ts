/** What a channel still has to send, in order: chunks the caller owns, and messages that must come after them. */

import type { SshError } from '../errors.ts';

/** Called once the bytes were handed to the link, or with the error that kept them from it. */
export type Sent = (error?: SshError) => void;

/** One thing to send. `data` may go out in pieces and joined with more of it, the others are one message each. */
export interface SendItem {
  readonly kind: 'data' | 'stderr' | 'datagram' | 'message' | 'eof' | 'close';
  readonly bytes: Buffer;
  /** How far `bytes` has been sent. */
  offset: number;
  readonly sent: Sent | undefined;
  next: SendItem | undefined;
}

/** A linked list: chunks are neither copied nor moved. */
export class SendQueue {
  #head: SendItem | undefined;
  #tail: SendItem | undefined;
  /** Data bytes waiting. */
  bytes = 0;

  get head(): SendItem | undefined {
    return this.#head;
  }

  push(kind: SendItem['kind'], bytes: Buffer, sent?: Sent): void {
    const item: SendItem = { kind, bytes, offset: 0, sent, next: undefined };
    if (this.#tail === undefined) this.#head = item;
    else this.#tail.next = item;
    this.#tail = item;
    if (isData(kind)) this.bytes += bytes.length;
  }

  /** Marks so many bytes of the head as sent, and takes it out when that was all. */
  advance(byteCount: number): void {
    const item = this.#head;
    if (item === undefined) return;
    item.offset += byteCount;
    this.bytes -= byteCount;
    if (item.offset < item.bytes.length) return;
    this.shift();
    item.sent?.();
  }

  /** Takes out the head, unsent or sent. */
  shift(): SendItem | undefined {
    const item = this.#head;
    if (item === undefined) return undefined;
    this.#head = item.next;
    if (this.#head === undefined) this.#tail = undefined;
    if (isData(item.kind)) this.bytes -= item.bytes.length - item.offset;
    return item;
  }

  /** Drops everything; every waiting caller is told. */
  clear(error?: SshError): void {
    let item = this.#head;
    this.#head = undefined;
    this.#tail = undefined;
    this.bytes = 0;
    for (; item !== undefined; item = item.next) item.sent?.(error);
  }

  /** Drops the data only, as if it had been sent: the peer said that it reads no more. */
  dropData(): void {
    const items: SendItem[] = [];
    for (let item = this.shift(); item !== undefined; item = this.shift()) items.push(item);
    for (const item of items) {
      if (isData(item.kind)) item.sent?.();
      else this.push(item.kind, item.bytes, item.sent);
    }
  }
}

function isData(kind: SendItem['kind']): boolean {
  return kind === 'data' || kind === 'stderr' || kind === 'datagram';
}
