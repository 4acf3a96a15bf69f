/** @noble/ciphers, plain JavaScript: both primitives where node:crypto lacks ChaCha20 (BoringSSL builds), or Poly1305 beside it. */
import { createRequire } from 'node:module';
import type { ChaChaBackend } from './backend.ts';
import { XorPackets, type XorPrimitives } from './xor.ts';

export const nobleBackend: ChaChaBackend = {
  name: 'noble',
  load() {
    const primitives = noblePrimitives();
    if (primitives === null) return null;
    return (mainKey, lengthKey) => new XorPackets(primitives, mainKey, lengthKey);
  },
};

/** Exported for the test vectors of the primitives alone. */
export function noblePrimitives(): XorPrimitives | null {
  const noble = requireNoble();
  if (noble === null) return null;
  return {
    // The original ChaCha20 with an 8-byte nonce and a 64-bit block counter, not the RFC 8439 variant.
    xor: (target, source, nonce, block, key) => void noble.chacha20orig(key, nonce, source, target, block),
    poly1305: (tag, message, key) => void tag.set(noble.poly1305(message, key)),
  };
}

interface Noble {
  chacha20orig: typeof import('@noble/ciphers/chacha.js').chacha20orig;
  poly1305: typeof import('@noble/ciphers/_poly1305.js').poly1305;
}

/** Loaded when first needed, since most connections never do. Null on Node before 20.19, which cannot `require` an ES module. */
export function requireNoble(): Noble | null {
  const require = createRequire(import.meta.url);
  try {
    const { chacha20orig }: Pick<Noble, 'chacha20orig'> = require('@noble/ciphers/chacha.js');
    const { poly1305 }: Pick<Noble, 'poly1305'> = require('@noble/ciphers/_poly1305.js');
    return { chacha20orig, poly1305 };
  } catch {
    return null;
  }
}
