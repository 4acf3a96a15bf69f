/** Files that wait to be copied, and those that are: many small ones at the same time, few large ones. */
import type { CopyJob } from './file-copy.ts';

/** Files that are known and wait: enough to tell how much there is to do, and no more of an endless tree. */
const mostWaiting = 10_000;

export class FileQueue {
  readonly #maxFiles: () => number;
  readonly #windowBytes: () => number;
  readonly #lanes: number;
  readonly #work: (job: CopyJob) => Promise<void>;
  readonly #waiting: CopyJob[] = [];
  #head = 0;
  #active = 0;
  #plannedBytes = 0;
  #isStopped = false;
  #onRoom: (() => void)[] = [];
  #onDrained: (() => void)[] = [];

  /**
   * @param windowBytes - what all lanes hold together.
   * @param lanes - sessions that files take turns in.
   * @param work - copies one file, and never rejects.
   */
  constructor(maxFiles: () => number, windowBytes: () => number, lanes: number, work: (job: CopyJob) => Promise<void>) {
    this.#maxFiles = maxFiles;
    this.#windowBytes = windowBytes;
    this.#lanes = lanes;
    this.#work = work;
  }

  /** Adds a file; waits where too many wait already. */
  async push(job: CopyJob): Promise<void> {
    if (this.#isStopped) return;
    this.#waiting.push(job);
    this.#startNext();
    while (this.#waiting.length - this.#head >= mostWaiting && !this.#isStopped) {
      await new Promise<void>((resolve) => this.#onRoom.push(resolve));
    }
  }

  /** Waits until nothing waits and nothing is under way. */
  async drained(): Promise<void> {
    while (this.#active > 0 || this.#head < this.#waiting.length) {
      await new Promise<void>((resolve) => this.#onDrained.push(resolve));
    }
  }

  /** Starts no further file. */
  stop(): void {
    this.#isStopped = true;
    this.#waiting.length = 0;
    this.#head = 0;
    this.#wake();
  }

  #startNext(): void {
    while (this.#active < this.#maxFiles()) {
      const job = this.#waiting[this.#head];
      if (job === undefined) break;
      // One that fills its lane by itself leaves room for another beside it, so that none waits for the end of the first.
      const laneBytes = this.#windowBytes() / this.#lanes;
      const planned = Math.min(job.facts.size ?? 0, laneBytes);
      if (this.#active > 0 && this.#plannedBytes + planned > (this.#lanes + 1) * laneBytes) break;
      this.#head++;
      this.#active++;
      this.#plannedBytes += planned;
      void this.#work(job).then(() => {
        this.#active--;
        this.#plannedBytes -= planned;
        this.#startNext();
        this.#wake();
      });
    }
    if (this.#head > 1024 && this.#head * 2 > this.#waiting.length) {
      this.#waiting.splice(0, this.#head);
      this.#head = 0;
    }
  }

  #wake(): void {
    const isOver = this.#active === 0 && this.#head >= this.#waiting.length;
    const woken = isOver ? [...this.#onRoom.splice(0), ...this.#onDrained.splice(0)] : this.#onRoom.splice(0);
    for (const wake of woken) wake();
  }
}
