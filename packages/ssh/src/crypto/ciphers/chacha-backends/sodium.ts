/** libsodium through sodium-native, an optional dependency: the fastest back end where its compiled addon loads. */
import { createRequire } from 'node:module';
import type { ChaChaBackend } from './backend.ts';
import { XorPackets, type XorPrimitives } from './xor.ts';

export const sodiumBackend: ChaChaBackend = {
  name: 'sodium-native',
  load() {
    const primitives = sodiumPrimitives();
    if (primitives === null) return null;
    return (mainKey, lengthKey) => new XorPackets(primitives, mainKey, lengthKey);
  },
};

/** The two functions that are used; the package brings no types. */
interface SodiumNative {
  crypto_stream_chacha20_xor_ic(c: Uint8Array, m: Uint8Array, n: Uint8Array, ic: number, k: Uint8Array): void;
  crypto_onetimeauth(out: Uint8Array, input: Uint8Array, k: Uint8Array): void;
}

/** Exported for the test vectors of the primitives alone. */
export function sodiumPrimitives(): XorPrimitives | null {
  const require = createRequire(import.meta.url);
  try {
    const sodium: Partial<SodiumNative> = require('sodium-native');
    const { crypto_stream_chacha20_xor_ic, crypto_onetimeauth } = sodium;
    if (crypto_stream_chacha20_xor_ic === undefined || crypto_onetimeauth === undefined) return null;
    return { xor: crypto_stream_chacha20_xor_ic, poly1305: crypto_onetimeauth };
  } catch {
    // Not installed, no build for this platform (musl), or addons are forbidden: the next back end serves.
    return null;
  }
}
