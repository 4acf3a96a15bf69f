/** A stream that is written to before it is there. */
import type { SftpStream } from './stream.ts';

type Events = 'data' | 'error' | 'end' | 'close' | 'drain';

/** Holds what is written until it is taken, or until the stream is there; the few messages of a beginning, and no bulk. */
export class LateStream implements SftpStream {
  #stream: SftpStream | undefined;
  #held: Uint8Array[] = [];
  readonly #listeners: (readonly [Events, (...values: (Buffer & Error)[]) => void])[] = [];
  #isDestroyed = false;

  write(bytes: Uint8Array): unknown {
    if (this.#stream !== undefined) return this.#stream.write(bytes);
    this.#held.push(bytes);
    return true;
  }

  on(event: Events, listener: (...values: (Buffer & Error)[]) => void): unknown {
    if (this.#stream === undefined) return this.#listeners.push([event, listener]);
    return this.#stream.on(event as 'data', listener as () => void);
  }

  destroy(): unknown {
    this.#isDestroyed = true;
    return this.#stream?.destroy();
  }

  release(chunk: Buffer): void {
    this.#stream?.release?.(chunk);
  }

  /** What was written so far, to reach the other end on another way. */
  take(): Buffer {
    return Buffer.concat(this.#held.splice(0));
  }

  /** From now on everything is the stream's. */
  join(stream: SftpStream): void {
    this.#stream = stream;
    for (const [event, listener] of this.#listeners.splice(0)) stream.on(event as 'data', listener as () => void);
    for (const bytes of this.#held.splice(0)) stream.write(bytes);
    if (this.#isDestroyed) stream.destroy();
  }
}
