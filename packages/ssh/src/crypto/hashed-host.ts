/** Hashed host names of known_hosts: HMAC-SHA1 of the name, keyed with a random salt. */
import { createRequire } from 'node:module';

/** Loaded when a name is hashed: a look-up among plain names does without, and starts a third faster. */
function crypto(): typeof import('node:crypto') {
  loaded ??= createRequire(import.meta.url)('node:crypto') as typeof import('node:crypto');
  return loaded;
}

let loaded: typeof import('node:crypto') | undefined;

/** Length of a salt, and of the hash. */
export const hashedHostBytes = 20;

/**
 * The hash of a host name in known_hosts' `|1|salt|hash`. SHA-1 is the format's only choice; it hides names from a casual
 * reader and proves nothing, so its weakness to collisions does not matter here.
 *
 * @param salt - `hashedHostBytes` bytes.
 */
export function hashHostName(salt: Uint8Array, name: string): Buffer {
  // Node 24 takes a KeyObject three times as fast as bytes.
  return crypto().createHmac('sha1', crypto().createSecretKey(salt)).update(name, 'utf8').digest();
}

/** A fresh salt for a new line. */
export function createHostSalt(): Buffer {
  return crypto().randomBytes(hashedHostBytes);
}

/** SHA-1's block, and the two bytes that HMAC mixes its key with (RFC 2104 §2). */
const blockBytes = 64;
const innerPad = 0x36;
const outerPad = 0x5c;

/**
 * Hashes one name under many salts, as a look-up in a large file does: a line each. Setting an HMAC up costs more than all of its
 * work here, so it is spelled out as the two hashes that it is.
 */
export class HostHasher {
  readonly #name: string;
  readonly #inner: Buffer;
  readonly #outer: Buffer;
  /** Not in Node before 20.12. */
  readonly #hash = crypto().hash as typeof import('node:crypto').hash | undefined;

  constructor(name: string) {
    this.#name = name;
    this.#inner = Buffer.concat([Buffer.alloc(blockBytes, innerPad), Buffer.from(name, 'utf8')]);
    this.#outer = Buffer.alloc(blockBytes + hashedHostBytes, outerPad);
  }

  /**
   * @param salt - in base64, as it stands in the file.
   * @returns the hash in base64; undefined where the salt has not `hashedHostBytes` bytes.
   */
  hash(salt: string): string | undefined {
    const [inner, outer] = [this.#inner, this.#outer];
    if (
      salt.length !== saltLetters ||
      !salt.endsWith('=') ||
      inner.write(salt, 0, hashedHostBytes, 'base64') !== hashedHostBytes
    )
      return undefined;
    const oneShotHash = this.#hash;
    if (oneShotHash === undefined) return this.hashPlainly(salt);
    for (let at = 0; at < hashedHostBytes; at++) {
      const byte = inner[at] as number;
      inner[at] = byte ^ innerPad;
      outer[at] = byte ^ outerPad;
    }
    outer.write(oneShotHash('sha1', inner, 'binary'), blockBytes, hashedHostBytes, 'latin1');
    return oneShotHash('sha1', outer, 'base64');
  }

  /** The way that works everywhere; public so that both are tested equal. */
  hashPlainly(salt: string): string {
    return hashHostName(Buffer.from(salt, 'base64'), this.#name).toString('base64');
  }
}

const saltLetters = 28;
