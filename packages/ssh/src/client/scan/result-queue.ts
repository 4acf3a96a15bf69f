/** Results on their way from many producers to one reader, who may be slower than they are. */

/** Producers that ask for room first are held back beyond it. */
const highWaterCount = 1024;

export class ResultQueue<Result> implements AsyncIterable<Result> {
  #results: Result[] = [];
  #state: 'open' | 'ended' | 'failed' = 'open';
  #error: unknown;
  #wakeReader: (() => void) | undefined;
  #wakeProducer: (() => void) | undefined;

  push(result: Result): void {
    this.#results.push(result);
    this.#wakeReader?.();
  }

  /** Resolves when there is room; for one producer at a time. */
  async room(): Promise<void> {
    while (this.#results.length >= highWaterCount && this.#state === 'open') {
      await new Promise<void>((resolve) => {
        this.#wakeProducer = resolve;
      });
    }
  }

  /** The reader ends when all is read. */
  end(): void {
    if (this.#state === 'open') this.#state = 'ended';
    this.#wakeReader?.();
  }

  /** The reader throws this when all is read. */
  fail(error: unknown): void {
    if (this.#state !== 'open') return;
    this.#state = 'failed';
    this.#error = error;
    this.#wakeReader?.();
    this.#wakeProducer?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Result, void, undefined> {
    for (;;) {
      const results = this.#results;
      this.#results = [];
      this.#wakeProducer?.();
      yield* results;
      if (this.#results.length > 0) continue;
      if (this.#state === 'failed') throw this.#error;
      if (this.#state === 'ended') return;
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
  }
}
