/** bcrypt_pbkdf, which protects OpenSSH's private key files (PROTOCOL.key). */
import { SshError } from '../../errors.ts';
import { maxKdfRounds } from '../../limits.ts';
import { requireWithin } from './limits.ts';
import { runKdfJob } from './run-job.ts';

/** What the function itself can give: 32 blocks of 32 bytes. */
const maxKeyBytes = 1024;
/** OpenSSH writes 16 bytes; far more would only be a way to hash a large file many times over. */
const maxSaltBytes = 1024;

/**
 * Derives key material from a passphrase, in a thread of its own (16 rounds take about 0.3 s).
 *
 * @param rounds - 1 to maxKdfRounds; OpenSSH writes 16 or 24.
 * @param keyBytes - 1 to 1024: cipher key and IV together.
 * @throws SshError stage `key`: `limit-exceeded` for parameters past the limits, `bad-passphrase` for an empty
 *   passphrase, `aborted`.
 * @example
 * const material = await bcryptPbkdf(Buffer.from('secret'), salt, 16, 48);
 */
export async function bcryptPbkdf(
  passphrase: Uint8Array,
  salt: Uint8Array,
  rounds: number,
  keyBytes: number,
  options: { signal?: AbortSignal } = {},
): Promise<Buffer> {
  requireWithin(rounds, 1, maxKdfRounds, 'bcrypt rounds');
  requireWithin(keyBytes, 1, maxKeyBytes, 'bcrypt key bytes');
  requireWithin(salt.length, 1, maxSaltBytes, 'bcrypt salt bytes');
  if (passphrase.length === 0) {
    throw new SshError('the key file is encrypted and the passphrase is empty', {
      code: 'bad-passphrase',
      stage: 'key',
      remedy: 'Give the passphrase of the key.',
    });
  }
  // Copies: what goes to a worker takes its whole memory along, and a Buffer's is shared with others.
  const job = {
    kind: 'bcrypt',
    passphrase: new Uint8Array(passphrase),
    salt: new Uint8Array(salt),
    rounds,
    keyBytes,
  } as const;
  return runKdfJob(job, options.signal);
}
