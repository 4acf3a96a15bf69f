/** What is called of OpenSSL (3.0 and newer), each call checked for its lengths and its result: C does neither. */
import { misuse } from '../ciphers/protection/requirements.ts';

/** What is used of koffi, which brings types only for whoever has it installed. */
export interface Koffi {
  load(path: null): { func(prototype: string): ForeignFunction };
}

/** Pointers are koffi's own values, passed on as they came. */
type ForeignFunction = (...values: unknown[]) => unknown;

export type EvpCipherName = `AES-${128 | 256}-GCM` | `AES-${128 | 192 | 256}-CTR` | 'ChaCha20';
export type EvpDirection = 'encrypt' | 'decrypt';
export const gcmTagBytes = 16;

const setTag = 0x11;
const getTag = 0x10;

/** One cipher with its key in OpenSSL's memory, which is wiped and freed when the object is collected. */
export interface EvpCipher {
  /** Begins anew with an IV, and with another key if one is given; whatever was under way is dropped. */
  start(iv: Buffer, key?: Buffer): void;
  /** GCM: bytes that are authenticated only. Before the first `update`. */
  authenticate(bytes: Buffer): void;
  /** Encrypts or decrypts all of `source` into the first bytes of `target`, which may be the same memory. */
  update(target: Buffer, source: Buffer): void;
  /** GCM, encrypting: ends the message and writes its tag of 16 bytes. */
  finish(tag: Buffer): void;
  /** GCM, decrypting: ends the message; false if its tag is another. */
  verify(tag: Buffer): boolean;
}

/** HMAC under one key. */
export interface EvpHmac {
  /** Writes the MAC of the parts, one behind the other, into `target`, which is as long as the digest. */
  compute(target: Buffer, ...parts: Uint8Array[]): void;
}

export interface Bindings {
  /** @param iv - for ciphers that run on from packet to packet; others get one with each `start`. */
  cipher(name: EvpCipherName, direction: EvpDirection, key: Buffer, iv?: Buffer): EvpCipher;
  hmac(hashName: string, key: Buffer): EvpHmac;
  /** Poly1305 of one message under a key of 32 bytes that is used once. */
  poly1305(tag: Buffer, message: Buffer, key: Buffer): void;
}

/** Throws where a symbol is missing. */
export function bindEvp(koffi: Koffi): Bindings {
  const library = koffi.load(null);
  const bind = (prototype: string) => library.func(prototype);
  const calls = {
    newCipher: bind('void *EVP_CIPHER_CTX_new()'),
    freeCipher: bind('void EVP_CIPHER_CTX_free(void *context)'),
    findCipher: bind('void *EVP_get_cipherbyname(str name)'),
    initCipher: bind(
      'int EVP_CipherInit_ex(void *context, void *type, void *engine, void *key, void *iv, int encrypts)',
    ),
    control: bind('int EVP_CIPHER_CTX_ctrl(void *context, int type, int size, void *bytes)'),
    updateCipher: bind('int EVP_CipherUpdate(void *context, void *target, void *size, void *source, int sourceSize)'),
    endCipher: bind('int EVP_CipherFinal_ex(void *context, void *target, void *size)'),
    findDigest: bind('void *EVP_get_digestbyname(str name)'),
    newHmac: bind('void *HMAC_CTX_new()'),
    freeHmac: bind('void HMAC_CTX_free(void *context)'),
    initHmac: bind('int HMAC_Init_ex(void *context, void *key, int keySize, void *digest, void *engine)'),
    updateHmac: bind('int HMAC_Update(void *context, void *bytes, size_t size)'),
    endHmac: bind('int HMAC_Final(void *context, void *target, void *size)'),
    findMac: bind('void *EVP_MAC_fetch(void *library, str name, void *properties)'),
    newMac: bind('void *EVP_MAC_CTX_new(void *mac)'),
    initMac: bind('int EVP_MAC_init(void *context, void *key, size_t keySize, void *parameters)'),
    updateMac: bind('int EVP_MAC_update(void *context, void *bytes, size_t size)'),
    endMac: bind('int EVP_MAC_final(void *context, void *target, void *size, size_t room)'),
    clearErrors: bind('void ERR_clear_error()'),
  };
  const ciphers = new FinalizationRegistry((context: unknown) => calls.freeCipher(context));
  const hmacs = new FinalizationRegistry((context: unknown) => calls.freeHmac(context));
  /** Where OpenSSL says how much it wrote; nobody asks, since these ciphers write as much as they read. */
  const written = new BigUint64Array(1);

  /** An error left in OpenSSL's queue would be taken for that of the next call of node:crypto. */
  const require = (result: unknown, call: string): void => {
    if (result === 1) return;
    calls.clearErrors();
    throw misuse(`OpenSSL refused a call: ${call}`);
  };

  function cipher(name: EvpCipherName, direction: EvpDirection, key: Buffer, iv?: Buffer): EvpCipher {
    const type = calls.findCipher(name);
    if (!type) throw misuse(`OpenSSL has no cipher ${name} here`);
    const ivBytes = name.endsWith('GCM') ? 12 : 16;
    const keyBytes = name === 'ChaCha20' ? 32 : Number(name.slice(4, 7)) / 8;
    requireBytes(key, keyBytes, 'key');
    if (iv !== undefined) requireBytes(iv, ivBytes, 'IV');
    const context = calls.newCipher();
    if (!context) throw misuse('OpenSSL has no memory for a cipher');
    const encrypts = direction === 'encrypt' ? 1 : 0;
    const made: EvpCipher = {
      start(from, newKey) {
        requireBytes(from, ivBytes, 'IV');
        if (newKey !== undefined) requireBytes(newKey, keyBytes, 'key');
        require(calls.initCipher(context, null, null, newKey ?? null, from, encrypts), 'EVP_CipherInit_ex');
      },
      authenticate(bytes) {
        require(calls.updateCipher(context, null, written, bytes, bytes.length), 'EVP_CipherUpdate');
      },
      update(target, source) {
        if (target.length < source.length) {
          throw misuse(`${source.length} bytes do not fit into the ${target.length} given for them`);
        }
        require(calls.updateCipher(context, target, written, source, source.length), 'EVP_CipherUpdate');
      },
      finish(tag) {
        requireBytes(tag, gcmTagBytes, 'tag');
        require(calls.endCipher(context, tag, written), 'EVP_CipherFinal_ex');
        require(calls.control(context, getTag, gcmTagBytes, tag), 'EVP_CIPHER_CTX_ctrl');
      },
      verify(tag) {
        requireBytes(tag, gcmTagBytes, 'tag');
        require(calls.control(context, setTag, gcmTagBytes, tag), 'EVP_CIPHER_CTX_ctrl');
        if (calls.endCipher(context, tagScratch, written) === 1) return true;
        calls.clearErrors();
        return false;
      },
    };
    ciphers.register(made, context);
    require(calls.initCipher(context, type, null, key, iv ?? null, encrypts), 'EVP_CipherInit_ex');
    return made;
  }

  function hmac(hashName: string, key: Buffer): EvpHmac {
    const digest = calls.findDigest(hashName);
    const digestBytes = key.length;
    if (!digest) throw misuse(`OpenSSL has no digest ${hashName} here`);
    const context = calls.newHmac();
    if (!context) throw misuse('OpenSSL has no memory for an HMAC');
    const made: EvpHmac = {
      compute(target, ...parts) {
        requireBytes(target, digestBytes, 'MAC');
        // Without a key it begins anew under the one it has.
        require(calls.initHmac(context, null, 0, null, null), 'HMAC_Init_ex');
        for (const part of parts) require(calls.updateHmac(context, part, part.length), 'HMAC_Update');
        require(calls.endHmac(context, target, written), 'HMAC_Final');
      },
    };
    hmacs.register(made, context);
    require(calls.initHmac(context, key, key.length, digest, null), 'HMAC_Init_ex');
    return made;
  }

  let poly1305Context: unknown;

  return {
    cipher,
    hmac,
    poly1305(tag, message, key) {
      requireBytes(key, 32, 'key');
      requireBytes(tag, 16, 'tag');
      poly1305Context ??= calls.newMac(calls.findMac(null, 'POLY1305', null));
      if (!poly1305Context) throw misuse('OpenSSL has no Poly1305 here');
      require(calls.initMac(poly1305Context, key, key.length, null), 'EVP_MAC_init');
      require(calls.updateMac(poly1305Context, message, message.length), 'EVP_MAC_update');
      require(calls.endMac(poly1305Context, tag, written, tag.length), 'EVP_MAC_final');
    },
  };
}

/** GCM ends without bytes, but a pointer must be given. */
const tagScratch = Buffer.alloc(32);

function requireBytes(bytes: Buffer, byteCount: number, what: string): void {
  if (bytes.length !== byteCount) throw misuse(`the ${what} takes ${byteCount} bytes, not ${bytes.length}`);
}
