/** A stream whose bytes are counted both ways as they pass, and which ends where they are too many. */
import { Duplex } from 'node:stream';

type Done = (error?: Error | null) => void;

/**
 * Another face of a stream. Whoever has it leaves the stream itself alone.
 *
 * @example
 * const metered = new MeteredStream(socket, (byteCount) => byteCount <= left);
 */
export class MeteredStream extends Duplex {
  bytesRead = 0;
  bytesWritten = 0;
  readonly #inner: Duplex;
  readonly #take: (byteCount: number) => boolean;

  /** @param take - told of bytes before they are passed on; false ends the stream without them. */
  constructor(inner: Duplex, take: (byteCount: number) => boolean) {
    super({ allowHalfOpen: true });
    this.#inner = inner;
    this.#take = take;
    // Whoever carries the stream sees it close; nobody has to hear why.
    this.on('error', () => {});
    inner.on('error', (error) => this.destroy(error));
    inner.on('end', () => this.push(null));
    inner.on('close', () => this.destroy());
    inner.on('data', (chunk: Buffer) => {
      if (this.destroyed) return;
      if (!this.#take(chunk.length)) {
        this.destroy();
        return;
      }
      this.bytesRead += chunk.length;
      if (!this.push(chunk)) inner.pause();
    });
    inner.pause();
    if (inner.destroyed) this.destroy();
  }

  override _read(): void {
    this.#inner.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    if (!this.#take(chunk.length)) {
      done();
      this.destroy();
      return;
    }
    this.bytesWritten += chunk.length;
    if (this.#inner.write(chunk)) done();
    else this.#inner.once('drain', () => done());
  }

  override _final(done: Done): void {
    this.#inner.end(() => done());
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#inner.destroy();
    done(error);
  }
}
