/** OpenSSL's ChaCha20 and Poly1305, called without node:crypto in between: the fastest back end, where it is to be had. */
import type { Bindings } from '../../evp/bindings.ts';
import { busyBytes, loadEvp } from '../../evp/library.ts';
import type { ChaChaBackend } from './backend.ts';
import { XorPackets, type XorPrimitives } from './xor.ts';

export const opensslBackend: ChaChaBackend = {
  name: 'openssl',
  load() {
    const evp = loadEvp(busyBytes);
    if (evp === undefined) return null;
    const primitives = opensslPrimitives(evp);
    return (mainKey, lengthKey) => new XorPackets(primitives, mainKey, lengthKey);
  },
};

/** Exported for the test vectors of the primitives alone. */
export function opensslPrimitives(evp: Bindings): XorPrimitives {
  const cipher = evp.cipher('ChaCha20', 'encrypt', Buffer.alloc(32));
  // OpenSSL's form of the nonce: a 64-bit block counter, then the eight bytes of the nonce proper.
  const iv = Buffer.alloc(16);
  return {
    xor(target, source, nonce, block, key) {
      iv.writeUInt32LE(block, 0);
      iv.set(nonce, 8);
      cipher.start(iv, key);
      cipher.update(target, source);
    },
    poly1305: evp.poly1305,
  };
}
