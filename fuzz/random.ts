/** A small random number generator that gives the same numbers for the same seed on every machine. */

/** Numbers drawn from a seed; `stream` gives independent sequences of one seed. */
export class Random {
  #state: number;

  constructor(seed: number, stream = 0) {
    // The two are mixed so that neighbouring streams have nothing in common.
    this.#state = mix(mix(seed >>> 0) ^ mix((stream + 0x9e3779b9) >>> 0));
  }

  /** A whole number from 0 up to, not including, `limit`. */
  below(limit: number): number {
    return limit <= 1 ? 0 : this.uint32() % limit;
  }

  uint32(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    return mix(this.#state);
  }

  byte(): number {
    return this.uint32() & 0xff;
  }

  pick<T>(values: readonly [T, ...T[]]): T {
    return values[this.below(values.length)] ?? values[0];
  }
}

/** The finalizer of splitmix32: every bit of the input reaches every bit of the output. */
function mix(value: number): number {
  let z = value >>> 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return (z ^ (z >>> 15)) >>> 0;
}
