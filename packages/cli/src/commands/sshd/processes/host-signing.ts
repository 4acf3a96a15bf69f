/** What the monitor signs with host keys for others: the hashes of key exchanges, and proofs of the keys themselves. Nothing else. */
import { isHostKeyProof } from '@nacre/ssh/connection';
import { SshError } from '@nacre/ssh/errors';
import type { HostKey } from '@nacre/ssh/transport';
import type { ToSign } from './tables.ts';

/** SHA-1, SHA-256, SHA-384 and SHA-512. */
const hashLengths = new Set([20, 32, 48, 64]);

/**
 * The signatures of one connection. The first is over the hash of its first key exchange, which is the session's id for its whole
 * life: whoever serves the connection cannot take another one's.
 */
export class HostSigning {
  readonly #hostKeys: readonly HostKey[];
  #sessionId: Buffer | undefined;
  #isLoggedIn = false;

  constructor(hostKeys: readonly HostKey[]) {
    this.#hostKeys = hostKeys;
  }

  /** Undefined before the first key exchange. */
  get sessionId(): Buffer | undefined {
    return this.#sessionId;
  }

  /** Later key exchanges, and proofs, are signed from now on. */
  loggedIn(): void {
    this.#isLoggedIn = true;
  }

  /** @throws SshError `misuse` for what no host key signs. */
  async sign({ key, algorithm, data }: ToSign): Promise<Buffer> {
    const bytes = Buffer.from(data);
    const hostKey = this.#hostKeys[key];
    if (hostKey === undefined) throw refused('there is no such host key');
    if (!this.#isSignable(bytes)) throw refused('host keys sign key exchanges and proofs only');
    this.#sessionId ??= bytes;
    return hostKey.signer.sign(bytes, algorithm);
  }

  #isSignable(data: Buffer): boolean {
    if (hashLengths.has(data.length)) return this.#sessionId === undefined || this.#isLoggedIn;
    return this.#isLoggedIn && this.#sessionId !== undefined && isHostKeyProof(data, this.#sessionId);
  }
}

function refused(message: string): SshError {
  return new SshError(message, { code: 'misuse', stage: 'kex' });
}
