/** Hashed host names of known_hosts: HMAC-SHA1 of the name, keyed with a random salt. */
import { createHmac, createSecretKey, randomBytes } from 'node:crypto';

/** Length of a salt, and of the hash. */
export const hashedHostBytes = 20;

/**
 * The hash of a host name in known_hosts' `|1|salt|hash`. SHA-1 is the format's only choice; it hides names from a casual
 * reader and proves nothing, so its weakness to collisions does not matter here. A lookup hashes once a line: Node 24 takes a
 * KeyObject three times as fast as bytes.
 *
 * @param salt - `hashedHostBytes` bytes.
 */
export function hashHostName(salt: Uint8Array, name: string): Buffer {
  return createHmac('sha1', createSecretKey(salt)).update(name, 'utf8').digest();
}

/** A fresh salt for a new line. */
export function createHostSalt(): Buffer {
  return randomBytes(hashedHostBytes);
}
