/** Encryption and MAC of PuTTY's private key files: SHA-1 in version 2, Argon2 and SHA-256 in version 3. */

import { hash, hmac, timingSafeEqual } from '../../../crypto/hash.ts';
import { argon2 } from '../../../crypto/kdf/argon2.ts';
import { randomBytes } from '../../../crypto/random.ts';
import { findKeyFileCipher } from '../../../crypto/signatures/key-file-cipher.ts';
import { toSshError } from '../../../errors.ts';
import { WireWriter } from '../../../wire/index.ts';
import { badKey } from '../../key-error.ts';
import { type ParseOptions, requirePassphrase, wrongPassphrase } from '../format.ts';
import type { PpkDerivation, PpkFields } from './fields.ts';

interface Content {
  readonly algorithm: string;
  readonly comment: Buffer;
  readonly publicBlob: Buffer;
  readonly secrets: Buffer;
}

interface Keys {
  readonly cipherKey: Buffer;
  readonly iv: Buffer;
  readonly macKey: Buffer;
}

const cipher = findKeyFileCipher('aes256-cbc');
const macKeyBytes = 32;

/** Decrypts and verifies; the result may have padding at its end. */
export async function openPpk(fields: PpkFields, options: ParseOptions): Promise<Buffer> {
  const { version, encryption, algorithm, comment, publicBlob } = fields;
  if (encryption === 'none') {
    const macKey = version === 2 ? macKeyOfVersion2(Buffer.alloc(0)) : Buffer.alloc(0);
    const expected = computeMac(version, macKey, encryption, {
      algorithm,
      comment,
      publicBlob,
      secrets: fields.privateBlob,
    });
    if (!timingSafeEqual(expected, fields.mac)) throw badKey('the PPK file is damaged: its MAC does not fit');
    return fields.privateBlob;
  }
  if (fields.privateBlob.length % cipher.blockBytes !== 0) {
    throw badKey(`the private part of the PPK file is cut: ${fields.privateBlob.length} bytes`);
  }
  const passphrase = await requirePassphrase(options);
  const keys =
    fields.derivation === undefined ? keysOfVersion2(passphrase) : await derive(passphrase, fields.derivation);
  const secrets = cipher.decrypt(keys.cipherKey, keys.iv, fields.privateBlob, Buffer.alloc(0));
  const expected = computeMac(version, keys.macKey, encryption, { algorithm, comment, publicBlob, secrets });
  if (!timingSafeEqual(expected, fields.mac)) throw wrongPassphrase(options);
  return secrets;
}

export interface SealedPpk {
  readonly encryption: 'none' | 'aes256-cbc';
  /** The lines of the key derivation, empty without encryption. */
  readonly derivation: string;
  readonly privateBlob: Buffer;
  readonly mac: Buffer;
}

/** Makes the secret parts of a version 3 file. */
export async function sealPpk(content: Content, passphrase: Buffer | undefined): Promise<SealedPpk> {
  if (passphrase === undefined) {
    const mac = computeMac(3, Buffer.alloc(0), 'none', content);
    return { encryption: 'none', derivation: '', privateBlob: content.secrets, mac };
  }
  const secrets = pad(content.secrets);
  const parameters: PpkDerivation = { ...writtenParameters, salt: randomBytes(16) };
  const keys = await derive(passphrase, parameters);
  const { ciphertext } = cipher.encrypt(keys.cipherKey, keys.iv, secrets);
  const derivation = [
    'Key-Derivation: Argon2id\n',
    `Argon2-Memory: ${parameters.memoryKib}\n`,
    `Argon2-Passes: ${parameters.passes}\n`,
    `Argon2-Parallelism: ${parameters.lanes}\n`,
    `Argon2-Salt: ${parameters.salt.toString('hex')}\n`,
  ].join('');
  const mac = computeMac(3, keys.macKey, 'aes256-cbc', { ...content, secrets });
  return { encryption: 'aes256-cbc', derivation, privateBlob: ciphertext, mac };
}

/** PuTTYgen's memory; its passes are tuned to 100 ms, of which 21 is what a common machine gets. */
const writtenParameters = { variant: 'argon2id', memoryKib: 8192, passes: 21, lanes: 1 } as const;

/** Padding comes from the digest of the text, so that files do not differ from run to run. */
function pad(secrets: Buffer): Buffer {
  const missing = (cipher.blockBytes - (secrets.length % cipher.blockBytes)) % cipher.blockBytes;
  return Buffer.concat([secrets, hash('sha1', secrets).subarray(0, missing)]);
}

function computeMac(version: 2 | 3, key: Buffer, encryption: string, content: Content): Buffer {
  const covered = new WireWriter(2048)
    .string(content.algorithm)
    .string(encryption)
    .string(content.comment)
    .string(content.publicBlob)
    .string(content.secrets)
    .finish();
  return hmac(version === 2 ? 'sha1' : 'sha256', key, covered);
}

async function derive(passphrase: Buffer, parameters: PpkDerivation): Promise<Keys> {
  const { variant, salt, memoryKib, passes, lanes } = parameters;
  const keyBytes = cipher.keyBytes + cipher.ivBytes + macKeyBytes;
  try {
    const material = await argon2(variant, passphrase, salt, { memoryKib, passes, lanes, keyBytes });
    return {
      cipherKey: material.subarray(0, cipher.keyBytes),
      iv: material.subarray(cipher.keyBytes, cipher.keyBytes + cipher.ivBytes),
      macKey: material.subarray(cipher.keyBytes + cipher.ivBytes),
    };
  } catch (error) {
    throw toSshError(error, { code: 'bad-key', stage: 'key' });
  }
}

function keysOfVersion2(passphrase: Buffer): Keys {
  const block = (counter: number): Buffer => hash('sha1', Buffer.of(0, 0, 0, counter), passphrase);
  return {
    cipherKey: Buffer.concat([block(0), block(1)]).subarray(0, cipher.keyBytes),
    iv: Buffer.alloc(cipher.ivBytes),
    macKey: macKeyOfVersion2(passphrase),
  };
}

function macKeyOfVersion2(passphrase: Buffer): Buffer {
  return hash('sha1', Buffer.from('putty-private-key-file-mac-key', 'latin1'), passphrase);
}
