/** The frames that carry sftp messages. */
import { maxSftpMessageBytes, maxShownBytes } from '../limits.ts';
import { type FrameRules, frameOf, printable, FrameReader as WireFrameReader } from '../wire/index.ts';
import { BodyPool } from './body-pool.ts';
import { badSftp, sftpError } from './sftp-error.ts';

/** A message with its length in front. */
export function encodeFrame(message: Uint8Array): Buffer {
  const frame = frameOf(message, { maxBytes: maxSftpMessageBytes });
  if (frame !== undefined) return frame;
  throw sftpError(
    'limit-exceeded',
    `an sftp message of ${message.length} bytes, 1 to ${maxSftpMessageBytes} are allowed`,
  );
}

/** Puts messages together from a stream's chunks, wherever those are cut. */
export class FrameReader {
  /** Where long messages are put together; whoever is done with one may give it back. */
  readonly pool = new BodyPool();
  readonly #frames: WireFrameReader;
  #isFirst = true;

  constructor() {
    const refuse: FrameRules['refuse'] = (length, head, chunk) => {
      if (this.#isFirst && isText(head)) return textInPlaceOfSftp(chunk);
      const text = `the server announces an sftp message of ${length} bytes, 1 to ${maxSftpMessageBytes} are allowed`;
      return badSftp(text, { code: 'limit-exceeded' });
    };
    this.#frames = new WireFrameReader({
      maxBytes: maxSftpMessageBytes,
      refuse,
      take: (length) => this.pool.take(length),
    });
  }

  /**
   * Takes a chunk and calls back for every message that it completes. A message that lies whole in the chunk is a view of it.
   *
   * @returns whether a message is a view of the chunk; where none is, nothing is held of it.
   * @throws SshError, side `peer`, for a length of 0 or beyond the limit, before anything is kept of it. The stream is useless
   *   after that.
   */
  push(chunk: Buffer, onMessage: (message: Buffer) => void): boolean {
    return this.#frames.push(chunk, (message) => {
      this.#isFirst = false;
      onMessage(message);
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
