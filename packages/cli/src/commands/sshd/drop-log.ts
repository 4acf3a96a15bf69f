/** How often the log tells of connections that are turned away: a flood of them must not become a flood of lines. */

/** Lines in a row before the rest is only counted; each second forgives one. */
const threshold = 4;
const most = 60;
/** What a flood weighs besides, so that lines come back only when it has been over for a while. */
const hysteresis = 20;
/** How often a flood that goes on is told of, in seconds. */
const reminderSeconds = 300;

export interface DropDecision {
  readonly isWritten: boolean;
  /** How many were not written since the last line; 0 where there is nothing to say. */
  readonly leftOut: number;
}

/** Decides for each event whether it gets a line. */
export class DropLog {
  readonly #now: () => number;
  #accumulated = 0;
  #last = 0;
  #isLimited = false;
  #leftOut = 0;
  #toldAt = 0;

  constructor(now: () => number = () => performance.now() / 1000) {
    this.#now = now;
  }

  note(): DropDecision {
    const now = this.#now();
    this.#accumulated = Math.min(most, Math.max(0, this.#accumulated - (now - this.#last)) + 1);
    this.#last = now;
    if (this.#accumulated < threshold) {
      this.#isLimited = false;
      return { isWritten: true, leftOut: this.#takeLeftOut() };
    }
    if (!this.#isLimited) {
      this.#isLimited = true;
      this.#accumulated += hysteresis;
      this.#toldAt = now;
    }
    this.#leftOut++;
    if (now - this.#toldAt < reminderSeconds) return { isWritten: false, leftOut: 0 };
    this.#toldAt = now;
    return { isWritten: false, leftOut: this.#takeLeftOut() };
  }

  #takeLeftOut(): number {
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    return leftOut;
  }
}
