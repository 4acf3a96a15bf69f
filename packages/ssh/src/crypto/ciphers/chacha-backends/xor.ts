/** The packets of chacha20-poly1305@openssh.com over two plain functions: a ChaCha20 XOR at any block, and Poly1305. */
import { timingSafeEqual } from '../../hash.ts';
import { type ChaChaPackets, poly1305KeyBytes, tagBytes } from './backend.ts';

export interface XorPrimitives {
  /** target = source XOR the ChaCha20 stream (8-byte nonce) from `block` on. */
  xor(target: Buffer, source: Buffer, nonce: Buffer, block: number, key: Buffer): void;
  /** tag = Poly1305 of the message. */
  poly1305(tag: Buffer, message: Buffer, key: Buffer): void;
}

export class XorPackets implements ChaChaPackets {
  readonly #primitives: XorPrimitives;
  readonly #mainKey: Buffer;
  readonly #lengthKey: Buffer;
  readonly #poly1305Key = Buffer.alloc(poly1305KeyBytes);
  readonly #tag = Buffer.alloc(tagBytes);
  readonly #length = Buffer.alloc(4);

  constructor(primitives: XorPrimitives, mainKey: Buffer, lengthKey: Buffer) {
    this.#primitives = primitives;
    this.#mainKey = mainKey;
    this.#lengthKey = lengthKey;
  }

  readLength(nonce: Buffer, input: Buffer, offset: number): number {
    this.#primitives.xor(this.#length, input.subarray(offset, offset + 4), nonce, 0, this.#lengthKey);
    return this.#length.readUInt32BE(0);
  }

  seal(nonce: Buffer, packet: Buffer, out: Buffer[]): void {
    const { xor, poly1305 } = this.#primitives;
    const end = packet.length;
    // One buffer for all of it: encrypted straight into place, so joining costs nothing.
    const sealed = Buffer.allocUnsafe(end + tagBytes);
    xor(sealed.subarray(0, 4), packet.subarray(0, 4), nonce, 0, this.#lengthKey);
    xor(sealed.subarray(4, end), packet.subarray(4), nonce, 1, this.#mainKey);
    poly1305(sealed.subarray(end), sealed.subarray(0, end), this.#oneTimeKey(nonce));
    out.push(sealed);
  }

  open(nonce: Buffer, sealed: Buffer, start: number, end: number): Buffer | null {
    const { xor, poly1305 } = this.#primitives;
    poly1305(this.#tag, sealed.subarray(start, end), this.#oneTimeKey(nonce));
    if (!timingSafeEqual(this.#tag, sealed.subarray(end, end + tagBytes))) return null;
    const opened = Buffer.allocUnsafe(end - start - 4);
    xor(opened, sealed.subarray(start + 4, end), nonce, 1, this.#mainKey);
    return opened;
  }

  #oneTimeKey(nonce: Buffer): Buffer {
    this.#primitives.xor(this.#poly1305Key, zeros, nonce, 0, this.#mainKey);
    return this.#poly1305Key;
  }
}

const zeros = Buffer.alloc(poly1305KeyBytes);
