/** The lock of an agent: a passphrase that is kept as a digest, and a wait after every wrong guess. */
import { hmac, timingSafeEqual } from '../crypto/hash.ts';
import { randomBytes } from '../crypto/random.ts';
import { SshError } from '../errors.ts';
import { maxWaitingUnlocks } from '../limits.ts';

export interface LockOptions {
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Lets time pass. Without it, a guess within the wait after a wrong one is refused, right or not. */
  readonly wait?: ((milliseconds: number) => Promise<void>) | undefined;
}

/** Wait after a wrong passphrase, doubled by each further one. */
const firstBackOffMs = 100;
const maxBackOffMs = 10_000;

/**
 *     open --lock--> locked --unlock, right passphrase--> open
 */
export class AgentLock {
  readonly #options: LockOptions;
  readonly #digestKey = randomBytes(32);
  /** A digest of the passphrase while locked, so that the passphrase itself is not kept. */
  #digest: Buffer | undefined;
  #wrongGuesses = 0;
  #nextGuessMs = 0;
  #waiting = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: LockOptions) {
    this.#options = options;
  }

  get locked(): boolean {
    return this.#digest !== undefined;
  }

  /** @throws SshError `agent-refused` for an empty passphrase, as OpenSSH has it. */
  lock(passphrase: Uint8Array): void {
    if (passphrase.length === 0) throw refused('an empty passphrase locks nothing');
    this.#digest = this.#hash(passphrase);
  }

  /** Guesses are taken one after the other, so that many connections guess no faster than one. */
  unlock(passphrase: Uint8Array): Promise<void> {
    if (this.#waiting >= maxWaitingUnlocks) return Promise.reject(refused('too many passphrases wait to be tried'));
    this.#waiting++;
    const guess = this.#turn.then(() => this.#guess(passphrase)).finally(() => this.#waiting--);
    this.#turn = guess.catch(() => {});
    return guess;
  }

  async #guess(passphrase: Uint8Array): Promise<void> {
    if (this.#digest === undefined) throw refused('it is not locked');
    const { now, wait } = this.#options;
    const waitMs = this.#nextGuessMs - now();
    if (waitMs > 0) {
      if (wait === undefined) throw refused('it waits after a wrong passphrase');
      await wait(waitMs);
    }
    // russh 46c927a: digests of one length, compared in constant time, tell nothing of where a guess went wrong.
    if (!timingSafeEqual(this.#digest, this.#hash(passphrase))) {
      this.#nextGuessMs = now() + Math.min(maxBackOffMs, firstBackOffMs * 2 ** Math.min(this.#wrongGuesses++, 10));
      throw refused('the passphrase is wrong');
    }
    this.#digest = undefined;
    this.#wrongGuesses = 0;
  }

  #hash(passphrase: Uint8Array): Buffer {
    return hmac('sha256', this.#digestKey, passphrase);
  }
}

/** The agent says no. The protocol has no words for why; they are for the log. */
export function refused(reason: string): SshError {
  return new SshError(`the agent refuses: ${reason}`, { code: 'agent-refused', stage: 'agent' });
}
