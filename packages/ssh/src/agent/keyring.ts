/** The keys of an agent, in memory: added, removed, locked away, forgotten when their time is up. */
import { hmac, timingSafeEqual } from '../crypto/hash.ts';
import { randomBytes } from '../crypto/random.ts';
import { SshError } from '../errors.ts';
import type { PrivateKey } from '../keys/types.ts';
import { maxAgentKeys } from '../limits.ts';
import type { AgentConstraints } from './constraint-types.ts';

export interface KeyringOptions {
  /** Milliseconds, monotonic: lifetimes and the wait after a wrong passphrase are counted by it. */
  readonly now: () => number;
  /** Asks a person whether a key may be used now. Without it, keys that ask for confirmation are not taken. */
  readonly confirm?: ((key: PrivateKey) => Promise<boolean>) | undefined;
}

interface HeldKey {
  readonly key: PrivateKey;
  readonly comment: string;
  readonly expiresAtMs: number;
  readonly confirm: boolean;
}

/** Wait after a wrong passphrase, doubled by each further one. */
const firstBackOffMs = 100;
const maxBackOffMs = 10_000;

/**
 * Holds private keys for one user.
 *
 *     open --lock--> locked --unlock, right passphrase--> open
 */
export class Keyring {
  readonly #options: KeyringOptions;
  readonly #digestKey = randomBytes(32);
  #keys: HeldKey[] = [];
  /** A digest of the passphrase while locked, so that the passphrase itself is not kept. */
  #lock: Buffer | undefined;
  #wrongUnlocks = 0;
  #nextUnlockMs = 0;

  constructor(options: KeyringOptions) {
    this.#options = options;
  }

  get locked(): boolean {
    return this.#lock !== undefined;
  }

  /** The keys that may be used; none while locked. */
  list(): { key: PrivateKey; comment: string }[] {
    if (this.locked) return [];
    this.#forgetExpired();
    return this.#keys.map(({ key, comment }) => ({ key, comment }));
  }

  /**
   * Takes a key; one that is held already gets the new comment and constraints.
   *
   * @throws SshError `agent-refused` while locked, when full, or where a constraint could not be kept.
   */
  add(key: PrivateKey, comment: string, constraints: AgentConstraints = {}): void {
    this.#requireOpen();
    if (key.type.startsWith('sk-')) throw refused('security keys need a device, which this agent does not use');
    const confirm = constraints.confirm === true;
    // Go CVE-2026-39832: a constraint that cannot be kept must not be dropped.
    if (confirm && this.#options.confirm === undefined)
      throw refused('nobody can be asked to confirm the use of the key');
    if (constraints.destinations !== undefined) throw refused('destination constraints are not kept here yet');
    this.#forgetExpired();
    const others = this.#keys.filter((held) => !held.key.publicKey.equals(key.publicKey));
    if (others.length >= maxAgentKeys) throw refused(`${maxAgentKeys} keys are held already`);
    const { lifetimeSeconds } = constraints;
    const expiresAtMs =
      lifetimeSeconds === undefined ? Number.POSITIVE_INFINITY : this.#options.now() + lifetimeSeconds * 1000;
    this.#keys = [...others, { key, comment, expiresAtMs, confirm }];
  }

  /** Forgets a key. Throws `agent-refused` where it is not held. */
  remove(blob: Uint8Array): void {
    this.#requireOpen();
    const held = this.#find(blob);
    this.#keys = this.#keys.filter((other) => other !== held);
  }

  removeAll(): void {
    this.#requireOpen();
    this.#keys = [];
  }

  /** The key, ready to sign: whoever must be asked has agreed. Throws `agent-refused` otherwise. */
  async use(blob: Uint8Array): Promise<PrivateKey> {
    this.#requireOpen();
    const held = this.#find(blob);
    if (held.confirm && (await this.#options.confirm?.(held.key)) !== true)
      throw refused('the use of the key was not confirmed');
    // A person may take long to answer: the key may have been locked away or removed in the meantime.
    this.#requireOpen();
    if (this.#find(blob) !== held) throw refused('the key was changed meanwhile');
    return held.key;
  }

  lock(passphrase: Uint8Array): void {
    this.#requireOpen();
    this.#lock = this.#digest(passphrase);
  }

  /** Throws `agent-refused` for a wrong passphrase, for any within the wait after one, and where nothing is locked. */
  unlock(passphrase: Uint8Array): void {
    if (this.#lock === undefined) throw refused('it is not locked');
    const now = this.#options.now();
    if (now < this.#nextUnlockMs) throw refused('it waits after a wrong passphrase');
    // russh 46c927a: digests of one length, compared in constant time, tell nothing of where a guess went wrong.
    if (!timingSafeEqual(this.#lock, this.#digest(passphrase))) {
      this.#nextUnlockMs = now + Math.min(maxBackOffMs, firstBackOffMs * 2 ** Math.min(this.#wrongUnlocks++, 10));
      throw refused('the passphrase is wrong');
    }
    this.#lock = undefined;
    this.#wrongUnlocks = 0;
  }

  #digest(passphrase: Uint8Array): Buffer {
    return hmac('sha256', this.#digestKey, passphrase);
  }

  #find(blob: Uint8Array): HeldKey {
    this.#forgetExpired();
    const held = this.#keys.find(({ key }) => key.publicKey.blob.equals(blob));
    if (held === undefined) throw refused('it does not hold the key');
    return held;
  }

  #forgetExpired(): void {
    const now = this.#options.now();
    this.#keys = this.#keys.filter((held) => held.expiresAtMs > now);
  }

  #requireOpen(): void {
    if (this.locked) throw refused('it is locked');
  }
}

function refused(reason: string): SshError {
  return new SshError(`the agent refuses: ${reason}`, { code: 'agent-refused', stage: 'agent' });
}
