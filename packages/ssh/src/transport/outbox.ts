/** The way out of a transport: what is sent now, what waits for the end of a key exchange, and when the sink gets it. */
import { SshError } from '../errors.ts';
import { maxBytesHeldInRekey, maxQueuedReplyBytes, socketHighWaterBytes } from '../limits.ts';
import type { ByteSink } from './options.ts';
import { PacketWriter } from './packet-writer.ts';

export interface OutboxEvents {
  /** There is room again, after somebody was told there was none. */
  onReady(): void;
  /** A limit was passed: the connection must end. */
  onOverflow(error: SshError): void;
  /** After each hand-over to the sink. */
  onFlushed(): void;
  /** Where every packet is logged: its message's number. */
  onPacket?: ((number: number) => void) | undefined;
}

/** Packets of one connection on their way to the sink: many packets a write, one write a turn of the event loop. */
export class Outbox {
  readonly writer = new PacketWriter();
  readonly #sink: ByteSink;
  readonly #events: OutboxEvents;
  #isHolding = false;
  #isOpen = true;
  #isFlushPlanned = false;
  /** Somebody saw `ready` false and waits to be told. */
  #isStarved = false;
  #held: { head: Uint8Array; body: Uint8Array | undefined }[] = [];
  #heldBytes = 0;
  /** How much may be under way before bulk waits. */
  highWaterBytes = socketHighWaterBytes;

  constructor(sink: ByteSink, events: OutboxEvents) {
    this.#sink = sink;
    this.#events = events;
  }

  /** Room for bulk: less than the high water mark is under way, and no key exchange holds packets back. */
  get ready(): boolean {
    const isReady =
      this.#isOpen && !this.#isHolding && this.writer.pendingBytes + this.#sink.queuedBytes() < this.highWaterBytes;
    if (!isReady) this.#isStarved = true;
    return isReady;
  }

  /** Sends a message, or holds it while a key exchange runs (RFC 4253 §7.1: only messages 1 to 49 may go then). */
  send(head: Uint8Array, body?: Uint8Array): void {
    if (this.#isHolding && (head[0] as number) > 49) this.#hold(head, body);
    else this.sendNow(head, body);
  }

  sendNow(head: Uint8Array, body?: Uint8Array): void {
    if (!this.#isOpen) return;
    this.#events.onPacket?.(head[0] as number);
    this.writer.write(head, body);
    this.#planFlush();
  }

  /** Answers what the peer may ask without end: a peer that asks and never reads fills the queue, and is left. */
  reply(payload: Uint8Array): void {
    if (this.writer.pendingBytes + this.#sink.queuedBytes() > maxQueuedReplyBytes) {
      this.#events.onOverflow(overflow(`the peer leaves more than ${maxQueuedReplyBytes} bytes of answers unread`));
      return;
    }
    this.send(payload);
  }

  sendRaw(bytes: Buffer): void {
    if (!this.#isOpen) return;
    this.writer.writeRaw(bytes);
    this.#planFlush();
  }

  /** A key exchange begins: later messages wait. */
  hold(): void {
    this.#isHolding = true;
  }

  /** Our NEWKEYS has gone: what waited goes out in order, under the new keys. */
  release(): void {
    this.#isHolding = false;
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const { head, body } of held) this.sendNow(head, body);
    if (this.#isStarved) this.#sink.defer(() => this.onDrain());
  }

  /** Hands all sealed packets to the sink. */
  flush(): void {
    const chunks = this.writer.take();
    if (chunks.length === 0) return;
    this.#sink.write(chunks);
    this.#events.onFlushed();
    // The system may have taken everything at once, with no event to come; the next turn goes on, so that reading gets its share.
    if (this.#isStarved && this.ready) this.#sink.defer(() => this.onDrain());
  }

  /** The sink has room. */
  onDrain(): void {
    if (!this.#isStarved || !this.ready) return;
    this.#isStarved = false;
    this.#events.onReady();
  }

  /** Sends nothing more; what is sealed is flushed, what was held is dropped. */
  close(): void {
    this.flush();
    this.#isOpen = false;
    this.#held = [];
  }

  #hold(head: Uint8Array, body: Uint8Array | undefined): void {
    this.#heldBytes += head.length + (body?.length ?? 0);
    if (this.#heldBytes > maxBytesHeldInRekey) {
      this.#events.onOverflow(overflow(`more than ${maxBytesHeldInRekey} bytes wait for the end of a key exchange`));
      return;
    }
    this.#held.push({ head: Buffer.from(head), body: body && Buffer.from(body) });
  }

  #planFlush(): void {
    if (this.#isFlushPlanned) return;
    this.#isFlushPlanned = true;
    this.#sink.defer(() => {
      this.#isFlushPlanned = false;
      this.flush();
    });
  }
}

function overflow(message: string): SshError {
  return new SshError(message, { code: 'limit-exceeded', stage: 'transport', side: 'peer', disconnect: 2 });
}
