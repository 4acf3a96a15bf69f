/** What a client tried in one login: for an error that says why nobody was let in. */
import type { AuthFailure, OfferedKey, RefusedMethod } from '../errors.ts';
import { fingerprint } from '../keys/index.ts';
import type { Signer } from '../keys/types.ts';

/** Kept while a login goes on; costs next to nothing until it fails. */
export class LoginRecord {
  readonly #keys = new Map<Signer, Pick<OfferedKey, 'outcome' | 'error'>>();
  readonly #refused = new Set<string>();
  readonly #givenUp = new Set<string>();

  /** An RSA key may be offered under two algorithms: the last word counts. */
  noteKey(signer: Signer, outcome: OfferedKey['outcome'], error?: unknown): void {
    this.#keys.set(signer, error === undefined ? { outcome } : { outcome, error });
  }

  /** The server said no to a method. */
  noteRefusal(method: string): void {
    this.#refused.add(method);
  }

  /** Somebody here would not go on with it. */
  noteGivenUp(method: string): void {
    this.#givenUp.add(method);
  }

  /** @param names - methods: those that the server would still take, that this client may use, that are built here. */
  summarize(user: string, names: Record<'allowed' | 'preferred' | 'known', readonly string[]>): AuthFailure {
    const { allowed, preferred, known } = names;
    const outcomeOf = (name: string): RefusedMethod['outcome'] => {
      if (!known.includes(name)) return 'unknown';
      if (!preferred.includes(name)) return 'off';
      if (this.#givenUp.has(name)) return 'not-proved';
      return this.#refused.has(name) ? 'refused' : 'nothing-to-offer';
    };
    return {
      user,
      keys: [...this.#keys].map(([signer, facts]) => ({ ...describe(signer), ...facts })),
      unusable: [],
      methods: allowed.map((name) => ({ name, outcome: outcomeOf(name) })),
    };
  }
}

function describe({ publicKey, label, origin }: Signer): Omit<OfferedKey, 'outcome'> {
  const source = origin === undefined ? 'program' : origin.isAgent ? 'agent' : 'file';
  return {
    type: publicKey.type,
    fingerprint: fingerprint(publicKey),
    name: origin?.name ?? label,
    source,
    file: origin?.file,
  };
}
