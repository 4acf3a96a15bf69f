/** Argon2, the key derivation of PuTTY's private key files. */
import * as crypto from 'node:crypto';
import { SshError } from '../../errors.ts';

export type Argon2Variant = 'argon2d' | 'argon2i' | 'argon2id';

export interface Argon2Options {
  memoryKib: number;
  passes: number;
  lanes: number;
  keyBytes: number;
}

type NativeArgon2 = (
  variant: Argon2Variant,
  parameters: Record<string, unknown>,
  done: (error: Error | null, key: Buffer) => void,
) => void;

/** Derives `keyBytes` bytes from a password. */
export function argon2(
  variant: Argon2Variant,
  password: Uint8Array,
  salt: Uint8Array,
  options: Argon2Options,
): Promise<Buffer> {
  const native = (crypto as unknown as { argon2?: NativeArgon2 }).argon2;
  if (native === undefined) {
    return Promise.reject(new SshError('this Node has no Argon2', { code: 'unsupported', stage: 'key' }));
  }
  const parameters = {
    message: password,
    nonce: salt,
    parallelism: options.lanes,
    tagLength: options.keyBytes,
    memory: options.memoryKib,
    passes: options.passes,
  };
  return new Promise((resolve, reject) => {
    native(variant, parameters, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}
