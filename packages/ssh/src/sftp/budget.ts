/** Bytes that may be under way and in memory at once; who finds no room waits in line. */

/** A budget that several readers and writers share. What is taken has to be given back, once. */
export class Budget {
  readonly #limit: () => number;
  #used = 0;
  readonly #waiting: (() => void)[] = [];

  /** @param limit - asked anew each time: it may grow. */
  constructor(limit: () => number) {
    this.#limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  /** Takes so many bytes; false where there is no room. The first taker always gets what it asks for. */
  tryTake(bytes: number): boolean {
    if (this.#used > 0 && this.#used + bytes > this.#limit()) return false;
    this.#used += bytes;
    return true;
  }

  /** Takes as soon as there is room. */
  async take(bytes: number): Promise<void> {
    while (!this.tryTake(bytes)) await new Promise<void>((resolve) => this.onRoom(resolve));
  }

  give(bytes: number): void {
    this.#used -= bytes;
    // All of them, in their order: whoever finds too little waits again, behind the others.
    const woken = this.#waiting.splice(0);
    for (const wake of woken) wake();
  }

  /** Calls back once, when something was given back: room enough or not. */
  onRoom(wake: () => void): void {
    this.#waiting.push(wake);
  }
}
