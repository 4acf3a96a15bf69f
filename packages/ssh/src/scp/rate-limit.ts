/** A limit on bytes a second, for `-l`: a bucket that fills with time and may be overdrawn by one piece. */
import { SshError } from '../errors.ts';
import type { Clock } from '../transport/link.ts';

/** How much may pass at once after a pause: a tenth of a second's worth, and never less than a packet. */
const burstSeconds = 0.1;
const smallestBurstBytes = 4 * 1024;
const largestPieceBytes = 256 * 1024;

/** One limit; whoever shares it shares the bytes. */
export class RateLimit {
  readonly bytesPerSecond: number;
  /** How large pieces should be for the flow to be even. */
  readonly pieceBytes: number;
  readonly #clock: Clock;
  readonly #burstBytes: number;
  #credit: number;
  #countedAt: number;

  /** @throws SshError `misuse` for a rate that is no positive number. */
  constructor(bytesPerSecond: number, clock: Clock) {
    if (!(bytesPerSecond > 0)) {
      throw new SshError(`a rate is a positive number of bytes a second, not ${bytesPerSecond}`, {
        code: 'misuse',
        stage: 'usage',
      });
    }
    this.bytesPerSecond = bytesPerSecond;
    this.#burstBytes = Math.max(smallestBurstBytes, bytesPerSecond * burstSeconds);
    this.pieceBytes = Math.floor(Math.min(this.#burstBytes, largestPieceBytes));
    this.#clock = clock;
    this.#credit = this.#burstBytes;
    this.#countedAt = clock.now();
  }

  /**
   * Counts bytes that are to pass, or just have; undefined where they may pass now.
   *
   * @param signal - lets go of the wait; what was counted stays counted.
   */
  take(byteCount: number, signal?: AbortSignal): Promise<void> | undefined {
    const now = this.#clock.now();
    const earned = ((now - this.#countedAt) / 1000) * this.bytesPerSecond;
    this.#countedAt = now;
    this.#credit = Math.min(this.#burstBytes, this.#credit + earned) - byteCount;
    if (this.#credit >= 0) return undefined;
    return this.#wait((-this.#credit / this.bytesPerSecond) * 1000, signal);
  }

  #wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        cancel();
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const cancel = this.#clock.setTimer(ms, done);
      if (signal?.aborted) done();
      signal?.addEventListener('abort', done, { once: true });
    });
  }
}
