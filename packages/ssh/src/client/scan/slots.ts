/** A bounded number of things at a time. */

/** Who takes a slot gives it back; who finds none waits, the urgent before the others. */
export class Slots {
  #free: number;
  #total: number;
  readonly #urgent: (() => void)[] = [];
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#total = Math.max(1, count);
    this.#free = this.#total;
  }

  take(urgency: 'first' | 'last' = 'last'): Promise<void> {
    if (this.#free > 0) {
      this.#free--;
      return Promise.resolve();
    }
    return new Promise((resolve) => (urgency === 'first' ? this.#urgent : this.#waiting).push(resolve));
  }

  /** Gives a slot up for good, where it is not the last one. */
  drop(): boolean {
    if (this.#total === 1) return false;
    this.#total--;
    return true;
  }

  give(): void {
    const next = this.#urgent.shift() ?? this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}
