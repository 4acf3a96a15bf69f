/** The frames that carry agent messages: a 32-bit length, then the message. */
import { SshError } from '../errors.ts';
import { maxAgentMessageBytes } from '../limits.ts';

/** A message with its length in front. */
export function encodeFrame(message: Uint8Array): Buffer {
  if (message.length === 0 || message.length > maxAgentMessageBytes) {
    throw new SshError(`an agent message of ${message.length} bytes, 1 to ${maxAgentMessageBytes} are allowed`, {
      code: 'limit-exceeded',
      stage: 'agent',
    });
  }
  const frame = Buffer.allocUnsafe(4 + message.length);
  frame.writeUInt32BE(message.length, 0);
  frame.set(message, 4);
  return frame;
}

/** Puts messages together from a stream's chunks, wherever those are cut. */
export class FrameReader {
  readonly #head = Buffer.alloc(4);
  #headFilled = 0;
  #body: Buffer | undefined;
  #bodyFilled = 0;

  /**
   * Takes a chunk and calls back for every message that it completes.
   *
   * @throws SshError `limit-exceeded`, side `peer`, for a length of 0 or beyond the limit, before anything is kept of it
   *   (RUSTSEC-2026-0154: no limit at all). The stream is useless after that.
   */
  push(chunk: Uint8Array, onMessage: (message: Buffer) => void): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#body === undefined) {
        at += this.#fillHead(chunk.subarray(at));
        if (this.#headFilled < 4) return;
        this.#body = Buffer.alloc(this.#requireLength());
        this.#bodyFilled = 0;
        continue;
      }
      const part = chunk.subarray(at, at + this.#body.length - this.#bodyFilled);
      this.#body.set(part, this.#bodyFilled);
      this.#bodyFilled += part.length;
      at += part.length;
      if (this.#bodyFilled < this.#body.length) return;
      const message = this.#body;
      this.#body = undefined;
      this.#headFilled = 0;
      onMessage(message);
    }
  }

  #fillHead(chunk: Uint8Array): number {
    const part = chunk.subarray(0, 4 - this.#headFilled);
    this.#head.set(part, this.#headFilled);
    this.#headFilled += part.length;
    return part.length;
  }

  #requireLength(): number {
    const length = this.#head.readUInt32BE(0);
    if (length > 0 && length <= maxAgentMessageBytes) return length;
    throw new SshError(
      `the other end announces an agent message of ${length} bytes, 1 to ${maxAgentMessageBytes} are allowed`,
      {
        code: 'limit-exceeded',
        stage: 'agent',
        side: 'peer',
      },
    );
  }
}
