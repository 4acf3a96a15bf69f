/** Whether calls of the system may be made at once, or are handed to threads because they keep everything waiting. */

/** A call that takes longer than this has waited for something. */
const slowMs = 2;
/** Who waits once may only have lost the processor to another program: so many times, with few quick calls between them, is a disk. */
const slowCalls = 3;
/** So many quick calls make good a slow one. */
const quickCalls = 32;
/** A wait that others notice needs no second one. */
const longMs = 100;
/** How long threads take over then. */
const patienceMs = 500;

/**
 * Handing a call to a thread takes more of the processor than most calls do. A call that never returns keeps the process for ever,
 * whatever is measured here: that is for those to weigh who use it.
 */
export class Pace {
  readonly #now: () => number;
  #threadedUntil = Number.NEGATIVE_INFINITY;
  #waits = 0;

  /** @param now - milliseconds, for tests. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Makes a call: at once while such calls are quick. What it throws is thrown. */
  run<A, B>(atOnce: () => A, later: () => B): A | B {
    const began = this.#now();
    if (began < this.#threadedUntil) return later();
    try {
      return atOnce();
    } finally {
      this.#judge(began);
    }
  }

  #judge(began: number): void {
    const ended = this.#now();
    const tookMs = ended - began;
    if (tookMs <= slowMs) {
      if (this.#waits > 0) this.#waits -= 1 / quickCalls;
      return;
    }
    this.#waits += 1;
    if (this.#waits < slowCalls && tookMs <= longMs) return;
    this.#threadedUntil = ended + patienceMs;
    // It is tried again then, and once more is enough.
    this.#waits = slowCalls - 1;
  }
}
