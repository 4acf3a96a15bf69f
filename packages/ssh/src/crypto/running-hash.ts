/** A digest that is fed piece by piece, for messages that are never in memory as a whole. */
import { createHash } from 'node:crypto';
import type { DigestName } from './hash.ts';

export interface RunningHash {
  /** The bytes are read before the call returns: their buffer may be used again. */
  update(bytes: Uint8Array): void;
  /** The digest of all that was given; the last call. */
  digest(): Buffer;
}

/** Begins a digest. */
export function startHash(name: DigestName): RunningHash {
  const state = createHash(name);
  return {
    update: (bytes) => void state.update(bytes),
    digest: () => state.digest(),
  };
}
