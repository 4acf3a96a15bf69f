/** The frames that carry sftp messages: a 32-bit length, then the message. */
import { maxSftpMessageBytes, maxShownBytes } from '../limits.ts';
import { printable } from '../wire/index.ts';
import { BodyPool } from './body-pool.ts';
import { badSftp, sftpError } from './sftp-error.ts';

/** A message with its length in front. */
export function encodeFrame(message: Uint8Array): Buffer {
  if (message.length === 0 || message.length > maxSftpMessageBytes) {
    throw sftpError(
      'limit-exceeded',
      `an sftp message of ${message.length} bytes, 1 to ${maxSftpMessageBytes} are allowed`,
    );
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
  #isFirst = true;
  /** Where long messages are put together; whoever is done with one may give it back. */
  readonly pool = new BodyPool();

  /**
   * Takes a chunk and calls back for every message that it completes. A message that lies whole in the chunk is a view of it.
   *
   * @returns whether a message is a view of the chunk; where none is, nothing is held of it.
   * @throws SshError, side `peer`, for a length of 0 or beyond the limit, before anything is kept of it. The stream is useless
   *   after that.
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
        this.#isFirst = false;
        this.#headFilled = 0;
        if (length <= chunk.length - at) {
          isHeld = true;
          onMessage(chunk.subarray(at, at + length));
          at += length;
          continue;
        }
        this.#body = this.pool.take(length);
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
    if (length > 0 && length <= maxSftpMessageBytes) return length;
    if (this.#isFirst && isText(this.#head)) throw textInPlaceOfSftp(chunk);
    throw badSftp(`the server announces an sftp message of ${length} bytes, 1 to ${maxSftpMessageBytes} are allowed`, {
      code: 'limit-exceeded',
    });
  }
}

function isText(bytes: Buffer): boolean {
  return bytes.every((byte) => (byte >= 0x20 && byte < 0x7f) || byte === 0x0a || byte === 0x0d || byte === 0x09);
}

/** The commonest fault of all: a login script that prints, or a message such as "This account is not available." */
function textInPlaceOfSftp(chunk: Buffer) {
  const [line = ''] = chunk.subarray(0, maxShownBytes).toString('utf8').trim().split(/\r?\n/);
  return badSftp(`the server sent text in place of sftp: "${printable(line, 'one')}"`, {
    remedy: 'See to it that the shell start-up files of the account print nothing when no terminal is there.',
  });
}
