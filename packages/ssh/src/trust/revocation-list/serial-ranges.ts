/** Ranges of serials in any order, and their union. */
import { SshError } from '../../errors.ts';
import { maxRevokedSerialRanges } from '../../limits.ts';

/** Serial 0 is what a certificate has that was given none: it cannot be revoked. */
export const leastSerial = 1n;
export const greatestSerial = 0xffff_ffff_ffff_ffffn;

/** Ranges in ascending order with gaps between them: `firsts[i]` to `lasts[i]`, both included. */
export interface SerialRanges {
  readonly firsts: BigUint64Array;
  readonly lasts: BigUint64Array;
}

/** Takes ranges one by one. */
export class SerialCollector {
  #firsts = new BigUint64Array(16);
  #lasts = new BigUint64Array(16);
  #count = 0;

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** @throws SshError `limit-exceeded` */
  add(first: bigint, last: bigint): void {
    if (this.#count === this.#firsts.length) this.#makeRoom();
    this.#firsts[this.#count] = first;
    this.#lasts[this.#count++] = last;
  }

  /** All of them in order, those that touch or overlap joined. */
  union(): SerialRanges {
    // Sorted apart from each other: the k smallest lasts belong to the k smallest firsts wherever a gap follows.
    const firsts = this.#firsts.slice(0, this.#count).sort();
    const lasts = this.#lasts.slice(0, this.#count).sort();
    let count = 0;
    for (let i = 0; i < firsts.length; i++) {
      const first = firsts[i] as bigint;
      if (count > 0 && first <= (lasts[count - 1] as bigint) + 1n) lasts[count - 1] = lasts[i] as bigint;
      else {
        firsts[count] = first;
        lasts[count++] = lasts[i] as bigint;
      }
    }
    return { firsts: firsts.subarray(0, count), lasts: lasts.subarray(0, count) };
  }

  #makeRoom(): void {
    if (this.#count >= maxRevokedSerialRanges) {
      throw new SshError(`more than ${maxRevokedSerialRanges} ranges of serials are to be sorted`, {
        code: 'limit-exceeded',
        stage: 'trust',
        remedy: 'Revoke ranges of serials, or a certificate authority as a whole.',
      });
    }
    this.#firsts = grown(this.#firsts);
    this.#lasts = grown(this.#lasts);
  }
}

function grown(array: BigUint64Array): BigUint64Array<ArrayBuffer> {
  const larger = new BigUint64Array(array.length * 2);
  larger.set(array);
  return larger;
}
