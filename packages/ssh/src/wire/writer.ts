/** A growing writer of RFC 4251 §5 types. */
import { SshError } from '../errors.ts';

/** Writes fields one after the other; `finish()` gives the bytes. */
export class WireWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(sizeHint = 256) {
    this.#bytes = Buffer.allocUnsafe(sizeHint);
  }

  get length(): number {
    return this.#length;
  }

  uint8(value: number): this {
    const at = this.#reserve(1);
    this.#bytes.writeUInt8(value, at);
    return this;
  }

  boolean(value: boolean): this {
    return this.uint8(value ? 1 : 0);
  }

  uint32(value: number): this {
    const at = this.#reserve(4);
    this.#bytes.writeUInt32BE(value, at);
    return this;
  }

  uint64(value: bigint): this {
    const at = this.#reserve(8);
    this.#bytes.writeBigUInt64BE(value, at);
    return this;
  }

  /** Bytes without a length in front. */
  fixed(bytes: Uint8Array): this {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  /** A `string`: uint32 length, then the bytes; text is written as UTF-8. */
  string(value: Uint8Array | string): this {
    const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
    if (bytes.length > 0xffff_ffff) {
      throw new SshError(`a string of ${bytes.length} bytes does not fit a 32-bit length`, {
        code: 'misuse',
        stage: 'transport',
      });
    }
    return this.uint32(bytes.length).fixed(bytes);
  }

  nameList(names: readonly string[]): this {
    return this.string(names.join(','));
  }

  /** Unsigned big-endian bytes as a non-negative mpint: leading zeros cut, one put back where the top bit is set. */
  mpint(unsigned: Uint8Array): this {
    return this.string(encodeMpint(unsigned));
  }

  /** The bytes written so far, as a view; write no further after it. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(byteCount: number): number {
    const at = this.#length;
    const needed = at + byteCount;
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(grown, 0, 0, at);
      this.#bytes = grown;
    }
    this.#length = needed;
    return at;
  }
}

/** The body of an mpint (without its length) for unsigned big-endian bytes. */
export function encodeMpint(unsigned: Uint8Array): Buffer {
  let start = 0;
  while (start < unsigned.length && unsigned[start] === 0) start++;
  const digits = unsigned.subarray(start);
  if (digits.length > 0 && (digits[0] as number) >= 0x80) {
    const body = Buffer.alloc(digits.length + 1);
    body.set(digits, 1);
    return body;
  }
  return Buffer.from(digits);
}

/** The same bytes as a Buffer, without a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
