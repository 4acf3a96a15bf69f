/** Frames as agents and sftp have them: a 32-bit length, then a message of so many bytes. */

/** What a protocol allows in its frames. */
export interface FrameRules {
  readonly maxBytes: number;
  /**
   * The error for a length of 0 or beyond the limit.
   *
   * @param head - the four bytes of the length.
   * @param chunk - where it was found, from the head's bytes on as far as this chunk holds them.
   */
  refuse(length: number, head: Buffer, chunk: Buffer): Error;
  /** Memory for a message that comes in several chunks; default: new memory. */
  take?(length: number): Buffer;
}

/** A message with its length in front; undefined where the rules do not allow one so long. */
export function frameOf(message: Uint8Array, { maxBytes }: Pick<FrameRules, 'maxBytes'>): Buffer | undefined {
  if (message.length === 0 || message.length > maxBytes) return undefined;
  const frame = Buffer.allocUnsafe(4 + message.length);
  frame.writeUInt32BE(message.length, 0);
  frame.set(message, 4);
  return frame;
}

/** Puts messages together from a stream's chunks, wherever those are cut. */
export class FrameReader {
  readonly #rules: FrameRules;
  readonly #head = Buffer.alloc(4);
  #headFilled = 0;
  #body: Buffer | undefined;
  #bodyFilled = 0;

  constructor(rules: FrameRules) {
    this.#rules = rules;
  }

  /**
   * Takes a chunk and calls back for every message that it completes. A message that lies whole in the chunk is a view of it.
   *
   * @returns whether a message is a view of the chunk; where none is, nothing is held of it.
   * @throws what the rules have for a length of 0 or beyond the limit, before anything is kept of the message. The stream is
   *   useless after that.
   */
  push(chunk: Buffer, onMessage: (message: Buffer) => void): boolean {
    let at = 0;
    let isHeld = false;
    while (at < chunk.length) {
      if (this.#body === undefined) {
        const start = at;
        at += this.#fillHead(chunk.subarray(at));
        if (this.#headFilled < 4) return isHeld;
        const length = this.#requireLength(chunk.subarray(start));
        this.#headFilled = 0;
        if (length <= chunk.length - at) {
          isHeld = true;
          onMessage(chunk.subarray(at, at + length));
          at += length;
          continue;
        }
        this.#body = this.#rules.take?.(length) ?? Buffer.allocUnsafe(length);
        this.#bodyFilled = 0;
      }
      const part = chunk.subarray(at, at + this.#body.length - this.#bodyFilled);
      this.#body.set(part, this.#bodyFilled);
      this.#bodyFilled += part.length;
      at += part.length;
      if (this.#bodyFilled < this.#body.length) return isHeld;
      const message = this.#body;
      this.#body = undefined;
      onMessage(message);
    }
    return isHeld;
  }

  #fillHead(chunk: Buffer): number {
    const part = chunk.subarray(0, 4 - this.#headFilled);
    this.#head.set(part, this.#headFilled);
    this.#headFilled += part.length;
    return part.length;
  }

  #requireLength(chunk: Buffer): number {
    const length = this.#head.readUInt32BE(0);
    if (length > 0 && length <= this.#rules.maxBytes) return length;
    throw this.#rules.refuse(length, this.#head, chunk);
  }
}
