/** Digests, HMAC, random bytes and comparison, as key formats and fingerprints use them. */
import {
  createHash,
  createHmac,
  createSecretKey,
  timingSafeEqual,
  randomBytes as unpredictableBytes,
} from 'node:crypto';

export type DigestName = 'md5' | 'sha1' | 'sha256' | 'sha384' | 'sha512';

/** The digest of the parts, one after the other. */
export function digest(name: DigestName, ...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash(name);
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** HMAC of the parts, one after the other; an empty key is allowed (PPK version 3 uses one). */
export function hmac(name: DigestName, key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
  const mac = createHmac(name, createSecretKey(key));
  for (const part of parts) mac.update(part);
  return mac.digest();
}

/** Unpredictable bytes from the operating system's generator. */
export function randomBytes(byteCount: number): Buffer {
  return unpredictableBytes(byteCount);
}

/** Compares secrets in a time that does not tell where they differ. */
export function equalSecrets(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
