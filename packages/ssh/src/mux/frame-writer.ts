/** The way out of a control socket: frames of one turn in one write, and whether there is room for bulk. */
import { socketHighWaterBytes } from '../limits.ts';
import type { ByteSink } from '../transport/options.ts';

/** Bytes before the payload of a packet in proxy mode: length and an empty padding. */
const packetHeadBytes = 5;
const shortestPayloadBytes = 4;

export class FrameWriter {
  readonly #sink: ByteSink;
  readonly #onReady: () => void;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #isFlushPlanned = false;
  #isOpen = true;
  /** Somebody saw `ready` false and waits to be told. */
  #isStarved = false;

  constructor(sink: ByteSink, onReady: () => void = () => {}) {
    this.#sink = sink;
    this.#onReady = onReady;
  }

  /** Bytes that the system has not taken. */
  get queuedBytes(): number {
    return this.#pendingBytes + this.#sink.queuedBytes();
  }

  /** Whether there is room for bulk; onReady is called when there is again. */
  get ready(): boolean {
    const isReady = this.#isOpen && this.queuedBytes < socketHighWaterBytes;
    if (!isReady) this.#isStarved = true;
    return isReady;
  }

  /** A message of the multiplexing protocol. */
  sendMessage(message: Uint8Array): void {
    const frame = Buffer.allocUnsafe(4 + message.length);
    frame.writeUInt32BE(message.length, 0);
    frame.set(message, 4);
    this.#push(frame);
  }

  /** A packet of proxy mode, which is copied. */
  sendPacket(head: Uint8Array, body?: Uint8Array): void {
    const payloadBytes = head.length + (body?.length ?? 0);
    // OpenSSH's client takes no packet shorter than this, which REQUEST_FAILURE would be.
    const paddingBytes = Math.max(0, shortestPayloadBytes - payloadBytes);
    const packet = Buffer.allocUnsafe(packetHeadBytes + payloadBytes + paddingBytes);
    packet.writeUInt32BE(1 + payloadBytes + paddingBytes, 0);
    packet[4] = paddingBytes;
    packet.set(head, packetHeadBytes);
    if (body !== undefined) packet.set(body, packetHeadBytes + head.length);
    packet.fill(0, packetHeadBytes + payloadBytes);
    this.#push(packet);
  }

  /** A packet of proxy mode whose memory is the writer's from now on. */
  passPacket(payload: Buffer): void {
    if (payload.length <= copiedBytes) {
      this.sendPacket(payload);
      return;
    }
    const head = Buffer.allocUnsafe(packetHeadBytes);
    head.writeUInt32BE(1 + payload.length, 0);
    head[4] = 0;
    this.#push(head);
    this.#push(payload);
  }

  /** The sink has room. */
  onDrain(): void {
    if (!this.#isStarved || !this.ready) return;
    this.#isStarved = false;
    this.#onReady();
  }

  /** Sends nothing more; what was sent is flushed. */
  close(): void {
    this.#flush();
    this.#isOpen = false;
  }

  #push(chunk: Buffer): void {
    if (!this.#isOpen) return;
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    if (this.#isFlushPlanned) return;
    this.#isFlushPlanned = true;
    this.#sink.defer(() => {
      this.#isFlushPlanned = false;
      this.#flush();
    });
  }

  #flush(): void {
    const chunks = this.#pending;
    if (chunks.length === 0 || !this.#isOpen) return;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#sink.write(chunks);
    // The system may have taken everything at once, with no event to come.
    if (this.#isStarved && this.ready) this.#sink.defer(() => this.onDrain());
  }
}

/** Below this a copy costs less than another chunk in the write. */
const copiedBytes = 2048;
