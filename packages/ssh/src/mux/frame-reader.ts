/** Frames of a control socket: a uint32 length, then so many bytes. Proxy mode has the same frames around its packets. */
import { maxPacketBytes } from '../limits.ts';
import { muxError } from './message.ts';

/** Cuts a stream into frames; each is a copy, which belongs to whoever takes it. */
export class FrameReader {
  readonly #onFrame: (frame: Buffer) => void;
  readonly #head = Buffer.alloc(4);
  #headBytes = 0;
  #body: Buffer | undefined;
  #bodyBytes = 0;
  #skipBytes = 0;
  #isPaused = false;
  #held: Buffer[] = [];

  /** @param onFrame - may pause the reader, or have it skip bytes that follow this frame. */
  constructor(onFrame: (frame: Buffer) => void) {
    this.#onFrame = onFrame;
  }

  /** Whether bytes wait for resume(). */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** What is left of the part that is being read: whoever reads no more than this stops where a frame ends. */
  get wantedBytes(): number {
    if (this.#skipBytes > 0 && this.#headBytes === 0) return this.#skipBytes;
    return this.#body === undefined ? 4 - this.#headBytes : this.#body.length - this.#bodyBytes;
  }

  /**
   * Takes bytes; they may be overwritten after the call.
   *
   * @throws SshError for a frame longer than any needs to be.
   */
  feed(chunk: Buffer): void {
    if (this.#isPaused) this.#held.push(Buffer.from(chunk));
    else this.#read(chunk);
  }

  /** No further frame is given until resume(): what is fed meanwhile is kept, so feed no more than is under way. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    const held = this.#held;
    this.#held = [];
    for (const [index, chunk] of held.entries()) {
      if (this.#isPaused) this.#held.push(...held.slice(index));
      if (this.#isPaused) return;
      this.#read(chunk);
    }
  }

  /** Passes over bytes that stand between frames. */
  skip(byteCount: number): void {
    this.#skipBytes += byteCount;
  }

  #read(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#isPaused) {
        this.#held.push(Buffer.from(chunk.subarray(at)));
        return;
      }
      if (this.#skipBytes > 0 && this.#headBytes === 0) {
        const skipped = Math.min(this.#skipBytes, chunk.length - at);
        this.#skipBytes -= skipped;
        at += skipped;
      } else if (this.#body === undefined) at += this.#readHead(chunk, at);
      else at += this.#readBody(chunk, at, this.#body);
    }
  }

  #readHead(chunk: Buffer, at: number): number {
    const byteCount = chunk.copy(this.#head, this.#headBytes, at, Math.min(chunk.length, at + 4 - this.#headBytes));
    this.#headBytes += byteCount;
    if (this.#headBytes < 4) return byteCount;
    const length = this.#head.readUInt32BE(0);
    if (length > maxPacketBytes) throw muxError(`a message of ${length} bytes; at most ${maxPacketBytes} are allowed`);
    this.#body = Buffer.allocUnsafe(length);
    this.#bodyBytes = 0;
    if (length === 0) this.#finish(this.#body);
    return byteCount;
  }

  #readBody(chunk: Buffer, at: number, body: Buffer): number {
    const byteCount = chunk.copy(body, this.#bodyBytes, at);
    this.#bodyBytes += byteCount;
    if (this.#bodyBytes === body.length) this.#finish(body);
    return byteCount;
  }

  #finish(body: Buffer): void {
    this.#body = undefined;
    this.#headBytes = 0;
    this.#onFrame(body);
  }
}
