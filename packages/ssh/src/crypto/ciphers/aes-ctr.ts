/** AES in counter mode (RFC 4344 §4): one keystream through all packets of a direction. */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { CipherAlgorithm } from '../packet-protection.ts';
import type { BlockMode, StartMode } from './protection/block-mode.ts';
import { macedCipher } from './protection/maced-cipher.ts';

export const aes256Ctr = aesCtr(256);
export const aes192Ctr = aesCtr(192);
export const aes128Ctr = aesCtr(128);

const blockBytes = 16;

function aesCtr(bits: 128 | 192 | 256): CipherAlgorithm {
  const start: StartMode = (direction, key, iv) => {
    const create = direction === 'encrypt' ? createCipheriv : createDecipheriv;
    return new CounterMode(create(`aes-${bits}-ctr`, key, iv), iv);
  };
  return macedCipher({ name: `aes${bits}-ctr`, keyBytes: bits / 8, ivBytes: 16, blockBytes: 16, start });
}

class CounterMode implements BlockMode {
  readonly #cipher: { update(bytes: Buffer): Buffer };
  readonly #initialCounter: Buffer;
  /** A number holds 2^53 blocks of 16 bytes, far more than any key may encrypt. */
  #blocks = 0;

  constructor(cipher: { update(bytes: Buffer): Buffer }, iv: Buffer) {
    this.#cipher = cipher;
    this.#initialCounter = Buffer.from(iv);
  }

  update(bytes: Buffer): Buffer {
    return this.#cipher.update(bytes);
  }

  passed(_bytes: Buffer, start: number, end: number): void {
    this.#blocks += (end - start) / blockBytes;
  }

  iv(): Buffer {
    return addToCounter(this.#initialCounter, this.#blocks);
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
