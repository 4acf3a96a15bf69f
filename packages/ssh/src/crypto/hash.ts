/** Hashes, HMAC, constant-time comparison, and the key derivation of RFC 4253 §7.2. */
import nodeCrypto from 'node:crypto';
import { isForcedOff } from '../fast-paths.ts';
import type { HashName } from './key-agreement.ts';

/** Hashes that SSH names somewhere; MD5 only for the old form of fingerprints. */
export type DigestName = HashName | 'md5';

/** The digest of the parts, one after the other. */
export function hash(name: DigestName, ...parts: readonly Uint8Array[]): Buffer {
  const [first] = parts;
  // Not in Node before 20.12; a default import keeps its absence from failing the whole module.
  const oneShotHash: typeof nodeCrypto.hash | undefined = isOneShotOff ? undefined : nodeCrypto.hash;
  if (oneShotHash !== undefined && first !== undefined && parts.length === 1) return oneShotHash(name, first, 'buffer');
  return streamedHash(name, parts);
}

/** The HMAC (RFC 2104) of the parts, one after the other. */
export function hmac(
  name: DigestName,
  key: Uint8Array | nodeCrypto.KeyObject,
  ...parts: readonly Uint8Array[]
): Buffer {
  const state = nodeCrypto.createHmac(name, key);
  for (const part of parts) state.update(part);
  return state.digest();
}

/**
 * Whether both hold the same bytes, in a time that does not tell where they differ. Different lengths are simply unequal: a length
 * is no secret anywhere in SSH, and node's own function would throw.
 */
export function timingSafeEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && nodeCrypto.timingSafeEqual(a, b);
}

/** The letters of RFC 4253 §7.2: IVs A and B, encryption keys C and D, MAC keys E and F; client to server first. */
export type KeyLetter = 'A' | 'B' | 'C' | 'D' | 'E' | 'F';

/**
 * A key or IV cut from the result of a key exchange (RFC 4253 §7.2).
 *
 * @param hashName - the exchange hash of the method.
 * @param secret - K as it stands on the wire: an mpint or a string, with its length in front.
 * @param exchangeHash - H of this exchange.
 * @param sessionId - H of the first exchange of the connection.
 * @param byteCount - how many bytes are wanted; any number.
 */
export function deriveKey(
  hashName: HashName,
  secret: Uint8Array,
  exchangeHash: Uint8Array,
  letter: KeyLetter,
  sessionId: Uint8Array,
  byteCount: number,
): Buffer {
  const key = Buffer.alloc(byteCount);
  let block = hash(hashName, secret, exchangeHash, Buffer.from(letter, 'latin1'), sessionId);
  let filled = block.copy(key);
  while (filled < byteCount) {
    // K2 = HASH(K | H | K1), K3 = HASH(K | H | K1 | K2): all that is there so far goes in.
    block = hash(hashName, secret, exchangeHash, key.subarray(0, filled));
    filled += block.copy(key, filled);
  }
  return key;
}

const isOneShotOff = isForcedOff('NACRE_CRYPTO');

/** The way that works everywhere; exported so that both are tested equal. */
export function streamedHash(name: DigestName, parts: readonly Uint8Array[]): Buffer {
  const state = nodeCrypto.createHash(name);
  for (const part of parts) state.update(part);
  return state.digest();
}
