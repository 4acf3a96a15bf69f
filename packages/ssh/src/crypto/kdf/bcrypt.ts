/** bcrypt_pbkdf, the key derivation of OpenSSH's private key files. */
import { createRequire } from 'node:module';
import { SshError } from '../../errors.ts';

type Pbkdf = (
  passphrase: Uint8Array,
  passphraseBytes: number,
  salt: Uint8Array,
  saltBytes: number,
  key: Uint8Array,
  keyBytes: number,
  rounds: number,
) => number;

/** Derives `keyBytes` bytes from a passphrase. */
export async function bcryptPbkdf(
  passphrase: Uint8Array,
  salt: Uint8Array,
  rounds: number,
  keyBytes: number,
): Promise<Buffer> {
  const { pbkdf } = createRequire(import.meta.url)('bcrypt-pbkdf') as { pbkdf: Pbkdf };
  const key = Buffer.alloc(keyBytes);
  if (pbkdf(passphrase, passphrase.length, salt, salt.length, key, keyBytes, rounds) !== 0) {
    throw new SshError('bcrypt_pbkdf refused its parameters', { code: 'bad-key', stage: 'key' });
  }
  return key;
}
