/** The signers of one login, taken one at a time; a key that was offered once is not offered again. */
import type { PublicKeyAlgorithm } from '../keys/index.ts';
import type { Signer } from '../keys/types.ts';

/** One way to offer a key: the signer and the algorithm. */
export interface Offer {
  readonly signer: Signer;
  readonly algorithm: PublicKeyAlgorithm;
}

export class SignerQueue {
  readonly #signers: Iterator<Signer> | AsyncIterator<Signer>;
  readonly #offered = new Set<string>();
  #waiting: Offer[] = [];
  #ended = false;

  constructor(signers: Iterable<Signer> | AsyncIterable<Signer>) {
    this.#signers =
      Symbol.asyncIterator in signers
        ? signers[Symbol.asyncIterator]()
        : (signers as Iterable<Signer>)[Symbol.iterator]();
  }

  /**
   * The next offer, or undefined when all keys were offered. Asks for the next signer only now: listing an agent's keys or
   * reading a file may cost a prompt.
   *
   * @param algorithmsFor - the algorithms to try with a signer, none to pass it over.
   */
  async next(algorithmsFor: (signer: Signer) => readonly PublicKeyAlgorithm[]): Promise<Offer | undefined> {
    while (this.#waiting.length === 0) {
      if (this.#ended) return undefined;
      const item = await this.#signers.next();
      if (item.done) {
        this.#ended = true;
        return undefined;
      }
      const signer = item.value;
      const id = signer.publicKey.blob.toString('base64');
      // The same key may come from the agent and from a file; the server has said its word on it already.
      if (this.#offered.has(id)) continue;
      this.#offered.add(id);
      this.#waiting = algorithmsFor(signer).map((algorithm) => ({ signer, algorithm }));
    }
    return this.#waiting.shift();
  }

  /** An offer that was not made after all is the next one again. */
  putBack(offer: Offer): void {
    this.#waiting.unshift(offer);
  }

  /** The server took the key: its other algorithms need not be tried. */
  settle(): void {
    this.#waiting = [];
  }

  /** Tells an iterator that no more is wanted, so that a generator can close what it opened. */
  async close(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#signers.return?.();
  }
}
