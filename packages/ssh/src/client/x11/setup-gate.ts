/** The first message of an X11 connection: the fake cookie is looked for, and the real one put in its place. */
import { timingSafeEqual } from '../../crypto/index.ts';
import { SshError } from '../../errors.ts';

/** X Window System Protocol, "Connection Setup": byte order, version, and the lengths of method and cookie. */
const headBytes = 12;
const bigEndian = 0x42;
const littleEndian = 0x6c;

/**
 * Takes the first bytes of one connection. Nothing of it reaches the X server before the cookie was found right: what opens the
 * channel is on the server's machine, where others may be logged in.
 */
export class SetupGate {
  readonly #protocol: Buffer;
  readonly #fake: Buffer;
  readonly #real: Buffer;
  /** The message as far as it came; its length is known from the cookie's, so the peer does not choose it. */
  readonly #message: Buffer;
  #filled = 0;

  /** @param real - as long as `fake`. */
  constructor(protocol: string, fake: Buffer, real: Buffer) {
    this.#protocol = Buffer.from(protocol, 'latin1');
    this.#fake = fake;
    this.#real = real;
    this.#message = Buffer.alloc(headBytes + padded(this.#protocol.length) + padded(fake.length));
  }

  /**
   * Takes a chunk.
   *
   * @returns the message with the real cookie, and what followed it; undefined while there is more to come.
   * @throws SshError `protocol-error` for what is no X11 connection, `permission-denied` for another cookie.
   */
  receive(chunk: Buffer): { message: Buffer; rest: Buffer } | undefined {
    const part = chunk.subarray(0, this.#message.length - this.#filled);
    this.#message.set(part, this.#filled);
    this.#filled += part.length;
    if (this.#filled >= headBytes) this.#requireLengths();
    if (this.#filled < this.#message.length) return undefined;
    this.#replaceCookie();
    return { message: this.#message, rest: chunk.subarray(part.length) };
  }

  #requireLengths(): void {
    const message = this.#message;
    const order = message[0];
    if (order !== bigEndian && order !== littleEndian) {
      throw refusal('protocol-error', `an X11 connection begins with its byte order, not with byte ${order}`);
    }
    const read = (at: number) => (order === bigEndian ? message.readUInt16BE(at) : message.readUInt16LE(at));
    if (read(6) !== this.#protocol.length || read(8) !== this.#fake.length) throw wrongCookie();
  }

  #replaceCookie(): void {
    const protocol = this.#message.subarray(headBytes, headBytes + this.#protocol.length);
    const at = headBytes + padded(this.#protocol.length);
    const cookie = this.#message.subarray(at, at + this.#fake.length);
    if (!timingSafeEqual(protocol, this.#protocol) || !timingSafeEqual(cookie, this.#fake)) throw wrongCookie();
    this.#message.set(this.#real, at);
  }
}

function padded(length: number): number {
  return (length + 3) & ~3;
}

function wrongCookie(): SshError {
  return refusal('permission-denied', 'X11 connection rejected because of wrong authentication.');
}

function refusal(code: 'protocol-error' | 'permission-denied', message: string): SshError {
  return new SshError(message, { code, stage: 'channel', side: 'peer' });
}
