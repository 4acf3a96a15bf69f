/** The stderr of a channel: a Readable at the client, a Writable at the server. */

import { Readable, Writable } from 'node:stream';
import type { SshError } from '../errors.ts';
import type { Channel } from './channel.ts';
import { ReadCredit } from './read-credit.ts';
import type { Sent } from './send-queue.ts';

type Done = (error?: Error | null) => void;

/** What the peer wrote to stderr. Unread bytes hold back the whole channel, as the RFC has one window for both. */
export class StderrReader extends Readable {
  readonly #channel: Channel;
  readonly #credit: ReadCredit;
  #finished = false;
  #broken: SshError | undefined;

  constructor(channel: Channel) {
    super({ highWaterMark: 64 * 1024 });
    this.#channel = channel;
    this.#credit = new ReadCredit(channel);
  }

  receive(chunk: Buffer): void {
    if (this.destroyed) {
      this.#channel.consumed(chunk.length);
      return;
    }
    this.#credit.add(chunk.length);
    this.push(chunk);
    this.#settle();
  }

  /** Nothing more comes. */
  finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.push(null);
  }

  /** The channel is closed: ends, or fails once everything was read. */
  channelClosed(error: SshError | undefined): void {
    if (error === undefined) {
      this.finish();
      return;
    }
    this.#broken = error;
    this.#settle();
  }

  override read(size?: number): unknown {
    const chunk: unknown = super.read(size);
    this.#settle();
    return chunk;
  }

  override _read(): void {}

  override destroy(error?: Error): this {
    return super.destroy(listened(this, error));
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#credit.settle(0);
    done(error);
  }

  #settle(): void {
    this.#credit.settle(this.readableLength);
    if (this.#broken !== undefined && this.readableLength === 0) this.destroy(this.#broken);
  }
}

/** Writes to the peer's stderr; shares queue and window with the channel's data, so the order between them is kept. */
export class StderrWriter extends Writable {
  readonly #channel: Channel;

  constructor(channel: Channel) {
    super({ highWaterMark: 64 * 1024 });
    this.#channel = channel;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#channel.write(chunk, 'stderr', done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: Done): void {
    writeAll(this.#channel, 'stderr', chunks, done);
  }

  override destroy(error?: Error): this {
    return super.destroy(listened(this, error));
  }
}

/** Writes several chunks; `sent` is called once, when the last was handed over. */
export function writeAll(channel: Channel, kind: 'data' | 'stderr', chunks: { chunk: Buffer }[], sent: Sent): void {
  const last = chunks.length - 1;
  chunks.forEach(({ chunk }, index) => {
    channel.write(chunk, kind, index === last ? sent : undefined);
  });
}

/** The error to destroy a stream with: Node ends the process over an `error` event that nobody listens for. */
export function listened(stream: Readable | Writable, error: Error | undefined): Error | undefined {
  return stream.listenerCount('error') > 0 ? error : undefined;
}
