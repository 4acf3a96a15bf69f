/** Keeps a transfer to a rate. */

/** Bytes that may pass at once after a pause, as a share of a second: short bursts do not add up. */
const burstSeconds = 0.1;

export class Throttle {
  readonly #bytesPerSecond: number;
  readonly #now: () => number;
  /** When all that has passed would have passed at the rate. */
  #paidUntilMs: number;

  constructor(bytesPerSecond: number, now: () => number) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#now = now;
    this.#paidUntilMs = now();
  }

  /** Lets so many bytes pass, and waits as long as they take. */
  async pass(bytes: number, signal: AbortSignal): Promise<void> {
    const now = this.#now();
    this.#paidUntilMs = Math.max(this.#paidUntilMs, now - burstSeconds * 1000) + (bytes * 1000) / this.#bytesPerSecond;
    const waitMs = this.#paidUntilMs - now;
    if (waitMs <= 0) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, waitMs);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
