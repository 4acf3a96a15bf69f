/** Argon2 (RFC 9106), which protects PuTTY's private key files from version 3 on. */
import crypto from 'node:crypto';
import { toSshError } from '../../errors.ts';
import { isForcedOff } from '../../fast-paths.ts';
import { maxArgon2Lanes, maxArgon2MemoryKib, maxArgon2Passes, maxPasswordBytes } from '../../limits.ts';
import type { Argon2Job, Argon2Variant } from './jobs.ts';
import { requireWithin } from './limits.ts';
import { runKdfJob } from './run-job.ts';

export type { Argon2Variant } from './jobs.ts';

export interface Argon2Options {
  /** Memory in KiB; at least 8 for every lane. */
  memoryKib: number;
  passes: number;
  lanes: number;
  keyBytes: number;
  /** RFC 9106's K. */
  secret?: Uint8Array;
  /** RFC 9106's X. */
  data?: Uint8Array;
  signal?: AbortSignal;
}

/** PuTTY asks for 80 bytes. */
const maxKeyBytes = 1024;
const maxSaltBytes = 1024;
const maxExtraBytes = 1024;

/**
 * Derives key material from a password, off the main thread: by node:crypto where it has Argon2 (Node 24.7), else by
 * \@noble/hashes in a worker.
 *
 * @throws SshError stage `key`: `limit-exceeded` for parameters past the limits, `aborted`, `unsupported`.
 * @example
 * const key = await argon2('argon2id', password, salt, { memoryKib: 8192, passes: 13, lanes: 1, keyBytes: 80 });
 */
export async function argon2(
  variant: Argon2Variant,
  password: Uint8Array,
  salt: Uint8Array,
  options: Argon2Options,
): Promise<Buffer> {
  const job = toJob(variant, password, salt, options);
  return hasNativeArgon2() ? deriveNative(job, options.signal) : runKdfJob(job, options.signal);
}

/** The same by the package, whatever Node has: for tests that compare the two. */
export async function packagedArgon2(
  variant: Argon2Variant,
  password: Uint8Array,
  salt: Uint8Array,
  options: Argon2Options,
): Promise<Buffer> {
  return runKdfJob(toJob(variant, password, salt, options), options.signal);
}

/** Whether node:crypto has Argon2 here, and it may be used. */
export function hasNativeArgon2(): boolean {
  return typeof crypto.argon2 === 'function' && !isForcedOff('NACRE_CRYPTO');
}

function toJob(variant: Argon2Variant, password: Uint8Array, salt: Uint8Array, options: Argon2Options): Argon2Job {
  const { memoryKib, passes, lanes, keyBytes, secret = Buffer.alloc(0), data = Buffer.alloc(0) } = options;
  requireWithin(lanes, 1, maxArgon2Lanes, 'Argon2 lanes');
  requireWithin(memoryKib, 8 * lanes, maxArgon2MemoryKib, 'Argon2 memory in KiB');
  requireWithin(passes, 1, maxArgon2Passes, 'Argon2 passes');
  requireWithin(keyBytes, 4, maxKeyBytes, 'Argon2 key bytes');
  requireWithin(salt.length, 8, maxSaltBytes, 'Argon2 salt bytes');
  requireWithin(password.length, 0, maxPasswordBytes, 'Argon2 password bytes');
  requireWithin(secret.length, 0, maxExtraBytes, 'Argon2 secret bytes');
  requireWithin(data.length, 0, maxExtraBytes, 'Argon2 data bytes');
  // Copies: what goes to a worker takes its whole memory along, and a Buffer's is shared with others.
  return {
    kind: 'argon2',
    variant,
    password: new Uint8Array(password),
    salt: new Uint8Array(salt),
    memoryKib,
    passes,
    lanes,
    keyBytes,
    secret: new Uint8Array(secret),
    data: new Uint8Array(data),
  };
}

function deriveNative(job: Argon2Job, signal: AbortSignal | undefined): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // Node's job cannot be stopped: the caller goes on, the result is dropped.
    const onAbort = () =>
      reject(toSshError(signal?.reason ?? 'the key derivation was aborted', { code: 'aborted', stage: 'key' }));
    if (signal?.aborted) {
      onAbort();
      return;
    }
    signal?.addEventListener('abort', onAbort, { once: true });
    const parameters = {
      message: job.password,
      nonce: job.salt,
      parallelism: job.lanes,
      tagLength: job.keyBytes,
      memory: job.memoryKib,
      passes: job.passes,
      ...(job.secret.length > 0 ? { secret: job.secret } : {}),
      ...(job.data.length > 0 ? { associatedData: job.data } : {}),
    };
    crypto.argon2(job.variant, parameters, (error, key) => {
      signal?.removeEventListener('abort', onAbort);
      if (error) reject(toSshError(error, { code: 'unsupported', stage: 'key' }));
      else resolve(key);
    });
  });
}
