/** Ciphers of private key files: whole buffers, no packets. */
import { createCipheriv, createDecipheriv, createSecretKey } from 'node:crypto';
import { poly1305 } from '@noble/ciphers/_poly1305.js';
import { timingSafeEqual } from '../hash.ts';
import { badNumbers } from './numbers.ts';

/** One cipher; key and IV both come from the key derivation. */
export interface KeyFileCipher {
  readonly name: string;
  readonly keyBytes: number;
  readonly ivBytes: number;
  readonly blockBytes: number;
  readonly tagBytes: number;
  encrypt(key: Uint8Array, iv: Uint8Array, plaintext: Uint8Array): { ciphertext: Buffer; tag: Buffer };
  /** Throws `bad-key` where the tag is wrong. */
  decrypt(key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array, tag: Uint8Array): Buffer;
}

/** OpenSSH's names; the first is what is written. */
export const keyFileCiphers: readonly KeyFileCipher[] = [
  unauthenticated('aes256-ctr', 'aes-256-ctr', 32),
  unauthenticated('aes192-ctr', 'aes-192-ctr', 24),
  unauthenticated('aes128-ctr', 'aes-128-ctr', 16),
  unauthenticated('aes256-cbc', 'aes-256-cbc', 32),
  unauthenticated('aes192-cbc', 'aes-192-cbc', 24),
  unauthenticated('aes128-cbc', 'aes-128-cbc', 16),
  gcm('aes256-gcm@openssh.com', 'aes-256-gcm', 32),
  gcm('aes128-gcm@openssh.com', 'aes-128-gcm', 16),
  chacha20Poly1305(),
  // Never chosen, but ssh-keygen -Z takes it, and it is all that ssh.com's files know.
  unauthenticated('3des-cbc', 'des-ede3-cbc', 24, 8),
];

/** The cipher of that name; throws `bad-key` for an unknown one. */
export function findKeyFileCipher(name: string): KeyFileCipher {
  const cipher = keyFileCiphers.find((row) => row.name === name);
  if (cipher === undefined) throw badNumbers(`the private key file is encrypted with unknown cipher "${name}"`);
  return cipher;
}

function unauthenticated(name: string, opensslName: string, keyBytes: number, blockBytes = 16): KeyFileCipher {
  return {
    name,
    keyBytes,
    ivBytes: blockBytes,
    blockBytes,
    tagBytes: 0,
    encrypt: (key, iv, plaintext) => {
      const cipher = createCipheriv(opensslName, createSecretKey(key), iv).setAutoPadding(false);
      return { ciphertext: Buffer.concat([cipher.update(plaintext), cipher.final()]), tag: Buffer.alloc(0) };
    },
    decrypt: (key, iv, ciphertext) => {
      if (ciphertext.length % blockBytes !== 0) throw badNumbers(`${name} text of ${ciphertext.length} bytes is cut`);
      const decipher = createDecipheriv(opensslName, createSecretKey(key), iv).setAutoPadding(false);
      return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
    },
  };
}

function gcm(name: string, opensslName: 'aes-128-gcm' | 'aes-256-gcm', keyBytes: number): KeyFileCipher {
  return {
    name,
    keyBytes,
    ivBytes: 12,
    blockBytes: 16,
    tagBytes: 16,
    encrypt: (key, iv, plaintext) => {
      const cipher = createCipheriv(opensslName, createSecretKey(key), iv);
      return { ciphertext: Buffer.concat([cipher.update(plaintext), cipher.final()]), tag: cipher.getAuthTag() };
    },
    decrypt: (key, iv, ciphertext, tag) => {
      const decipher = createDecipheriv(opensslName, createSecretKey(key), iv, { authTagLength: 16 });
      decipher.setAuthTag(tag);
      try {
        return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
      } catch (cause) {
        throw badNumbers(`${name}: the tag does not fit`, { cause });
      }
    },
  };
}

/** PROTOCOL.chacha20poly1305 with sequence number 0 and no length: only the first of the two keys is used. */
function chacha20Poly1305(): KeyFileCipher {
  const name = 'chacha20-poly1305@openssh.com';
  const run = (key: Uint8Array): { stream: (bytes: Uint8Array) => Buffer; polyKey: Buffer } => {
    const cipher = createCipheriv('chacha20', createSecretKey(key.subarray(0, 32)), Buffer.alloc(16));
    // Block 0 is the Poly1305 key; the text starts with block 1.
    const polyKey = cipher.update(Buffer.alloc(64)).subarray(0, 32);
    return { stream: (bytes) => cipher.update(bytes), polyKey };
  };
  return {
    name,
    keyBytes: 64,
    ivBytes: 0,
    blockBytes: 8,
    tagBytes: 16,
    encrypt: (key, _iv, plaintext) => {
      const { stream, polyKey } = run(key);
      const ciphertext = stream(plaintext);
      return { ciphertext, tag: Buffer.from(poly1305(ciphertext, polyKey)) };
    },
    decrypt: (key, _iv, ciphertext, tag) => {
      const { stream, polyKey } = run(key);
      if (!timingSafeEqual(poly1305(ciphertext, polyKey), tag)) throw badNumbers(`${name}: the tag does not fit`);
      return stream(ciphertext);
    },
  };
}
