/** Ciphers in chaining mode (RFC 4253 §6.3): legacy, offered only behind the `legacy` switch (CVE-2008-5161, Sweet32 for 3DES). */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { CipherAlgorithm } from '../packet-protection.ts';
import type { BlockMode, StartMode } from './protection/block-mode.ts';
import { macedCipher } from './protection/maced-cipher.ts';

export const aes256Cbc = cbc('aes256-cbc', 'aes-256-cbc', 32, 16);
export const aes192Cbc = cbc('aes192-cbc', 'aes-192-cbc', 24, 16);
export const aes128Cbc = cbc('aes128-cbc', 'aes-128-cbc', 16, 16);
/** 64-bit blocks: the transport must rekey it within a gigabyte (RFC 4344 §3.2). */
export const tripleDesCbc = cbc('3des-cbc', 'des-ede3-cbc', 24, 8);

function cbc(name: string, nodeName: string, keyBytes: number, blockBytes: number): CipherAlgorithm {
  const start: StartMode = (direction, key, iv) => {
    const create = direction === 'encrypt' ? createCipheriv : createDecipheriv;
    // Packets bring their own padding; with PKCS#7 padding on, the decipher would hold the last block back.
    return new ChainingMode(create(nodeName, key, iv).setAutoPadding(false), iv);
  };
  return macedCipher({ name, keyBytes, ivBytes: blockBytes, blockBytes, legacy: true, chained: true, start });
}

class ChainingMode implements BlockMode {
  readonly #cipher: { update(bytes: Buffer): Buffer };
  /** The last block of ciphertext, to which the next packet is chained. */
  readonly #chain: Buffer;

  constructor(cipher: { update(bytes: Buffer): Buffer }, iv: Buffer) {
    this.#cipher = cipher;
    this.#chain = Buffer.from(iv);
  }

  update(bytes: Buffer): Buffer {
    return this.#cipher.update(bytes);
  }

  passed(bytes: Buffer, _start: number, end: number): void {
    bytes.copy(this.#chain, 0, end - this.#chain.length, end);
  }

  iv(): Buffer {
    return Buffer.from(this.#chain);
  }
}
