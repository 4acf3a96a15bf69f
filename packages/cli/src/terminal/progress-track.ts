/** What the progress meter knows of one file: how far it is, how fast, and for how long it has stood still. */
import type { ProgressLine } from './progress-line.ts';

/** Timers may be a little early: the fifth second counts all the same. */
const stalledAfterMs = 4900;
/** Rates of shorter times would jump about. */
const shortestMs = 900;
/** How much of the rate is that of the seconds before: it would jump about otherwise. */
const ageFactor = 0.9;

/** One line's numbers over time. */
export class Track {
  name: string | Uint8Array;
  bytes: number;
  totalBytes: number;
  /** More may be added to what there is in all, so its end is not the end. */
  isOpen = false;
  readonly #startBytes: number;
  readonly #startedAt: number;
  #measuredAt: number;
  #measuredBytes: number;
  #bytesPerSecond = 0;
  #stalledMs = 0;
  #hasWhole = false;

  constructor(name: string | Uint8Array, totalBytes: number, startBytes: number, now: number) {
    this.name = name;
    this.totalBytes = totalBytes;
    this.bytes = startBytes;
    this.#startBytes = startBytes;
    this.#startedAt = now;
    this.#measuredAt = now;
    this.#measuredBytes = startBytes;
  }

  /** The last line that was measured showed the whole file. */
  get isDrawnWhole(): boolean {
    return this.#hasWhole;
  }

  /** @param isLast - counts however short the time was since the last line. */
  measure(now: number, isLast = false): ProgressLine {
    const { name, bytes, totalBytes } = this;
    const isWhole = bytes >= totalBytes && !this.isOpen;
    // In the end the rate is that of the whole transfer.
    const moved = bytes - (isWhole ? this.#startBytes : this.#measuredBytes);
    const elapsedMs = now - (isWhole ? this.#startedAt : this.#measuredAt);
    // The total is drawn with every small file; its rate is one of seconds all the same.
    if (isWhole || isLast || elapsedMs >= shortestMs) {
      const rate = Math.trunc(elapsedMs > 0 ? moved / (elapsedMs / 1000) : moved);
      const isFirst = isWhole || this.#bytesPerSecond === 0;
      this.#bytesPerSecond = isFirst ? rate : Math.trunc(this.#bytesPerSecond * ageFactor + rate * (1 - ageFactor));
      this.#stalledMs = moved === 0 ? this.#stalledMs + elapsedMs : 0;
      this.#measuredAt = now;
      this.#measuredBytes = bytes;
    }
    this.#hasWhole = isWhole;
    const left = totalBytes - bytes;
    const time = (): ProgressLine['time'] => {
      if (isWhole) return { kind: 'done', seconds: elapsedMs / 1000 };
      if (this.#stalledMs >= stalledAfterMs) return { kind: 'stalled' };
      if (this.#bytesPerSecond <= 0) return { kind: 'unknown' };
      return { kind: 'left', seconds: left / this.#bytesPerSecond };
    };
    return { name, bytes, totalBytes, bytesPerSecond: Math.max(0, this.#bytesPerSecond), time: time() };
  }
}
