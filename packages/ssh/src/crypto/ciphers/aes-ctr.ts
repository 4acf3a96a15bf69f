/** AES in counter mode (RFC 4344 §4): one keystream through all packets of a direction. */
import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto';
import { evpForBulk } from '../evp/library.ts';
import type { CipherAlgorithm } from '../packet-protection.ts';
import type { BlockMode, Direction, StartMode } from './protection/block-mode.ts';
import { macedCipher } from './protection/maced-cipher.ts';
import { ownMemory } from './protection/sealed-parts.ts';

export const aes256Ctr = aesCtr(256);
export const aes192Ctr = aesCtr(192);
export const aes128Ctr = aesCtr(128);

const blockBytes = 16;

function aesCtr(bits: 128 | 192 | 256): CipherAlgorithm {
  const start: StartMode = (direction, key, iv) => new CounterMode(bits, direction, key, iv);
  return macedCipher({ name: `aes${bits}-ctr`, keyBytes: bits / 8, ivBytes: 16, blockBytes: 16, start });
}

class CounterMode implements BlockMode {
  updateInto: BlockMode['updateInto'];
  readonly #bits: 128 | 192 | 256;
  readonly #direction: Direction;
  readonly #key: KeyObject;
  readonly #cipher: { update(bytes: Buffer): Buffer };
  readonly #initialCounter: Buffer;
  /** A number holds 2^53 blocks of 16 bytes, far more than any key may encrypt. */
  #blocks = 0;

  constructor(bits: 128 | 192 | 256, direction: Direction, key: KeyObject, iv: Buffer) {
    this.#bits = bits;
    this.#direction = direction;
    this.#key = key;
    const create = direction === 'encrypt' ? createCipheriv : createDecipheriv;
    this.#cipher = create(`aes-${bits}-ctr`, key, iv);
    this.#initialCounter = Buffer.from(iv);
    this.#look();
  }

  update(bytes: Buffer): Buffer {
    if (this.updateInto === undefined) return this.#cipher.update(bytes);
    const target = ownMemory(bytes.length);
    this.updateInto(target, bytes);
    return target;
  }

  passed(_bytes: Buffer, start: number, end: number): void {
    this.#blocks += (end - start) / blockBytes;
    if (this.updateInto === undefined) this.#look();
  }

  iv(): Buffer {
    return addToCounter(this.#initialCounter, this.#blocks);
  }

  /** Between two packets another cipher can go on where this one stands. */
  #look(): void {
    const evp = evpForBulk(this.#blocks * blockBytes);
    if (evp === undefined) return;
    const key = this.#key.export();
    const cipher = evp.cipher(`AES-${this.#bits}-CTR`, this.#direction, key, this.iv());
    key.fill(0);
    this.updateInto = (target, source) => cipher.update(target, source);
  }
}

/** The 128-bit big-endian counter, `blocks` further on, modulo 2^128 as RFC 4344 §4 has it. */
function addToCounter(counter: Buffer, blocks: number): Buffer {
  const low = counter.readBigUInt64BE(8) + BigInt(blocks);
  const high = counter.readBigUInt64BE(0) + (low >> 64n);
  const sum = Buffer.alloc(blockBytes);
  sum.writeBigUInt64BE(BigInt.asUintN(64, high), 0);
  sum.writeBigUInt64BE(BigInt.asUintN(64, low), 8);
  return sum;
}
