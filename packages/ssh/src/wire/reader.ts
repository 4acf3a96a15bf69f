/** A bounded reader of RFC 4251 §5 types: every length is checked against the bytes present before it is used. */
import { SshError, type SshErrorInit } from '../errors.ts';
import { maxNameListBytes, maxNameListEntries } from '../limits.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads fields one after the other; strings are views into the given bytes, not copies. */
export class WireReader {
  readonly bytes: Buffer;
  offset: number;
  readonly end: number;
  /** What is being read, for error texts. */
  readonly what: string;

  constructor(bytes: Uint8Array, what = 'message', offset = 0, end = bytes.length) {
    this.bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.what = what;
    this.offset = offset;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.offset;
  }

  uint8(field = 'byte'): number {
    this.#require(1, field);
    return this.bytes[this.offset++] as number;
  }

  /** RFC 4251 §5: every non-zero value is true. */
  boolean(field = 'boolean'): boolean {
    return this.uint8(field) !== 0;
  }

  uint32(field = 'uint32'): number {
    this.#require(4, field);
    const value = this.bytes.readUInt32BE(this.offset);
    this.offset += 4;
    return value;
  }

  uint64(field = 'uint64'): bigint {
    this.#require(8, field);
    const value = this.bytes.readBigUInt64BE(this.offset);
    this.offset += 8;
    return value;
  }

  /** A uint64 as a number; what is beyond 2^53 - 1 reads as that. */
  safeUint64(field = 'uint64'): number {
    this.#require(8, field);
    const high = this.bytes.readUInt32BE(this.offset);
    const low = this.bytes.readUInt32BE(this.offset + 4);
    this.offset += 8;
    return high > 0x1f_ffff ? Number.MAX_SAFE_INTEGER : high * 0x1_0000_0000 + low;
  }

  /** A run of bytes without a length in front. */
  fixed(byteCount: number, field = 'bytes'): Buffer {
    this.#require(byteCount, field);
    const view = this.bytes.subarray(this.offset, this.offset + byteCount);
    this.offset += byteCount;
    return view;
  }

  /** A `string`: uint32 length, then that many bytes. */
  string(field = 'string', maxBytes = Number.POSITIVE_INFINITY): Buffer {
    this.#require(4, field);
    const length = this.bytes.readUInt32BE(this.offset);
    if (length > this.remaining - 4) {
      throw this.error(`${field} claims ${length} bytes where ${this.remaining - 4} remain`);
    }
    if (length > maxBytes) throw this.error(`${field} is ${length} bytes long, at most ${maxBytes} are allowed`);
    this.offset += 4;
    return this.fixed(length, field);
  }

  /** A `string` that must be UTF-8. */
  text(field = 'text', maxBytes?: number): string {
    const bytes = this.string(field, maxBytes);
    try {
      return utf8.decode(bytes);
    } catch (cause) {
      throw this.error(`${field} is not valid UTF-8`, { cause });
    }
  }

  /** A `string` that must be printable US-ASCII, as names of algorithms, methods and requests are (RFC 4250 §4.6.1). */
  ascii(field = 'name', maxBytes?: number): string {
    const bytes = this.string(field, maxBytes);
    for (const byte of bytes) {
      if (byte < 0x21 || byte > 0x7e) {
        throw this.error(`${field} holds byte 0x${byte.toString(16).padStart(2, '0')}, which no name may hold`);
      }
    }
    return bytes.toString('latin1');
  }

  /** A name-list (RFC 4251 §5): US-ASCII names, comma-separated, none of them empty. */
  nameList(field = 'name-list'): string[] {
    const text = this.ascii(field, maxNameListBytes);
    if (text === '') return [];
    const names = text.split(',');
    if (names.length > maxNameListEntries) {
      throw this.error(`${field} lists ${names.length} names, at most ${maxNameListEntries} are allowed`);
    }
    if (names.includes('')) throw this.error(`${field} has an empty name in "${text.slice(0, 100)}"`);
    return names;
  }

  /** An mpint's bytes, checked to be in the one canonical form (RFC 4251 §5: no needless leading 00 or ff). */
  mpintBytes(field = 'mpint', maxBytes?: number): Buffer {
    const bytes = this.string(field, maxBytes);
    const first = bytes[0];
    if (first === undefined) return bytes;
    const next = bytes[1];
    if (first === 0 && (next === undefined || next < 0x80)) throw this.error(`${field} has a needless leading zero`);
    if (first === 0xff && next !== undefined && next >= 0x80) throw this.error(`${field} has a needless leading 0xff`);
    return bytes;
  }

  /** A non-negative mpint as unsigned big-endian bytes without leading zeros. */
  unsignedMpint(field = 'mpint', maxBytes?: number): Buffer {
    const bytes = this.mpintBytes(field, maxBytes);
    if (bytes.length > 0 && (bytes[0] as number) >= 0x80) throw this.error(`${field} is negative`);
    return bytes[0] === 0 ? bytes.subarray(1) : bytes;
  }

  /** All that is left. */
  rest(): Buffer {
    return this.fixed(this.remaining);
  }

  /** Requires that nothing is left. */
  finish(): void {
    if (this.remaining > 0) throw this.error(`${this.remaining} bytes are left over at its end`);
  }

  /** A `bad-message` error that names what was being read. */
  error(detail: string, init: Partial<SshErrorInit> = {}): SshError {
    return new SshError(`${this.what}: ${detail}`, {
      code: 'bad-message',
      stage: 'transport',
      side: 'peer',
      disconnect: 2,
      ...init,
    });
  }

  #require(byteCount: number, field: string): void {
    if (byteCount > this.end - this.offset) {
      throw this.error(`${field} needs ${byteCount} bytes where ${this.end - this.offset} remain`);
    }
  }
}
