/** A channel as Node streams: exact back-pressure both ways, half-close, and stderr beside it. */

import { Duplex, type Readable, type Writable } from 'node:stream';
import type { SshError } from '../errors.ts';
import type { Channel } from './channel.ts';
import { ReadCredit } from './read-credit.ts';
import type { IncomingRequest } from './request-queue.ts';
import type { Sent } from './send-queue.ts';
import { listened, StderrReader, StderrWriter, writeAll } from './stderr-streams.ts';

type Done = (error?: Error | null) => void;

/** What Node buffers of writes before it asks the writer to wait: enough to fill several packets in one go. */
const writeBufferBytes = 256 * 1024;
const readBufferBytes = 64 * 1024;

export interface ChannelStreamOptions {
  /** Deliver stderr on `stderr`. Someone must read it then, because its bytes count against the channel's window. */
  stderr?: boolean;
  /** Handles channel requests; without it all are refused. */
  onRequest?: (request: IncomingRequest) => boolean | Promise<boolean>;
  /** Called when the channel is closed and all its data is readable. */
  onClosed?: (error: SshError | undefined) => void;
  /**
   * Close the channel once both directions have ended; default true. A session must not: its exit status may come after
   * both EOFs.
   */
  closeAfterEnd?: boolean;
  /**
   * A connection that breaks off closes the stream without an 'error' event. For programs of a server, to whom a client may
   * be lost at any time: what Node builds upon a stream (readline, for one) passes its errors on to where nobody listens,
   * and a client that hangs up would end the process. Loops and pipelines still learn that the stream was cut short.
   */
  breaksQuietly?: boolean;
}

/**
 * The Duplex face of a channel. The peer's window reopens only for what was read; a write's callback comes when its
 * bytes were handed to the link; `end()` sends EOF and leaves reading open; `destroy()` closes the channel.
 *
 * When the peer closes, everything that arrived before can still be read. An error is emitted only if somebody listens
 * for it, so a peer cannot bring the process down; `channel.closed` tells it in any case.
 */
export class ChannelStream extends Duplex {
  readonly channel: Channel;
  readonly #credit: ReadCredit;
  readonly #stderr: StderrReader | undefined;
  readonly #closeAfterEnd: boolean;
  readonly #breaksQuietly: boolean;
  readonly #onClosed: ((error: SshError | undefined) => void) | undefined;
  #stderrWriter: StderrWriter | undefined;
  #beforeEof: (() => void) | undefined;
  #atEof = false;
  /** A write that the closed channel did not take. Its callback would destroy what is still to be read, so it waits. */
  #lostWrite: { done: Done; error: SshError } | undefined;
  /** The peer closed in good order: what came before stays readable on stderr, however fast stdout was read. */
  #isFinished = false;
  /** Set when the connection broke off: the stream is destroyed with it once everything was read. */
  #broken: SshError | undefined;

  constructor(channel: Channel, options: ChannelStreamOptions = {}) {
    super({ readableHighWaterMark: readBufferBytes, writableHighWaterMark: writeBufferBytes });
    this.channel = channel;
    this.#credit = new ReadCredit(channel);
    this.#stderr = options.stderr ? new StderrReader(channel) : undefined;
    this.#onClosed = options.onClosed;
    this.#closeAfterEnd = options.closeAfterEnd ?? true;
    this.#breaksQuietly = options.breaksQuietly ?? false;
    const stderr = this.#stderr;
    channel.attach({
      data: (chunk) => this.#receive(chunk),
      ...(stderr === undefined ? {} : { stderr: (chunk: Buffer) => stderr.receive(chunk) }),
      ...(options.onRequest === undefined ? {} : { request: options.onRequest }),
      eof: () => this.#receiveEof(),
      closed: (error) => this.#channelClosed(error),
    });
  }

  /** What the peer wrote to stderr; only if the stream was made with `stderr: true`. */
  get stderr(): Readable | undefined {
    return this.#stderr;
  }

  /** A Writable for the peer's stderr. EOF is sent only when both it and the stream itself have ended. */
  createStderrWriter(): Writable {
    this.#stderrWriter ??= new StderrWriter(this.channel);
    return this.#stderrWriter;
  }

  /** Has something done just before EOF is queued. Returns false when EOF was queued already or cannot be any more. */
  beforeEof(callback: () => void): boolean {
    if (this.channel.writeError !== undefined) return false;
    this.#beforeEof = callback;
    return true;
  }

  override read(size?: number): ReturnType<Duplex['read']> {
    const chunk: unknown = super.read(size);
    this.#settle();
    return chunk;
  }

  // Data is pushed as it comes; the window bounds how much that can be, so nothing is fetched on demand.
  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.channel.write(chunk, 'data', this.#sent(done));
  }

  override _writev(chunks: { chunk: Buffer }[], done: Done): void {
    writeAll(this.channel, 'data', chunks, this.#sent(done));
  }

  override _final(done: Done): void {
    const finish = () => {
      this.#beforeEof?.();
      this.#beforeEof = undefined;
      this.channel.end(() => done());
    };
    const stderr = this.#stderrWriter;
    if (stderr === undefined || stderr.closed) finish();
    else stderr.once('close', finish);
  }

  override destroy(error?: Error): this {
    return super.destroy(listened(this, error));
  }

  /**
   * Node's own iterator destroys a Duplex when its reading side ends, which would cut off what is still being written
   * and a session's exit status. Leaving the loop early destroys as usual.
   */
  override async *[Symbol.asyncIterator](): NodeJS.AsyncIterator<Buffer> {
    let ended = false;
    try {
      yield* this.iterator({ destroyOnReturn: false });
      ended = true;
    } finally {
      if (!ended) this.destroy();
    }
  }

  override _destroy(error: Error | null, done: Done): void {
    const endedInOrder = error === null && this.readableEnded && this.writableFinished;
    if (this.#closeAfterEnd || !endedInOrder) this.channel.abort();
    this.#credit.settle(0);
    if (!endedInOrder) {
      if (!this.#isFinished) this.#stderr?.destroy(error ?? undefined);
      this.#stderrWriter?.destroy(error ?? undefined);
    }
    const lost = this.#lostWrite;
    this.#lostWrite = undefined;
    done(error);
    lost?.done(lost.error);
  }

  #receive(chunk: Buffer): void {
    if (this.destroyed) {
      this.channel.consumed(chunk.length);
      return;
    }
    this.#credit.add(chunk.length);
    this.push(chunk);
    this.#settle();
  }

  #receiveEof(): void {
    if (this.#atEof) return;
    this.#atEof = true;
    this.push(null);
    this.#stderr?.finish();
  }

  /**
   * A channel closed in good order ends the reading side like EOF, and then the stream. One that broke off keeps what
   * is there for whoever is reading it, then fails; where nobody reads, it fails at once, so that writers are told.
   */
  #channelClosed(error: SshError | undefined): void {
    if (error !== undefined && !this.#atEof) this.#broken = error;
    else this.#receiveEof();
    this.#stderr?.channelClosed(this.#broken);
    this.#stderrWriter?.destroy();
    this.#onClosed?.(error);
    if (this.destroyed) return;
    if (this.#broken === undefined) {
      this.#isFinished = true;
      if (this.readableEnded) this.destroy();
      else this.once('end', () => this.#break(this.#lostWrite?.error));
    } else if (!isBeingRead(this)) this.#break(this.#broken);
    else this.#settle();
  }

  /** Gives back the window for what was read, and ends a broken stream when nothing is left to read. */
  #settle(): void {
    this.#credit.settle(this.readableLength);
    if (this.#broken !== undefined && this.readableLength === 0) this.#break(this.#broken);
  }

  #break(error: SshError | undefined): void {
    this.destroy(this.#breaksQuietly ? undefined : error);
  }

  #sent(done: Done): Sent {
    return (error) => {
      if (error === undefined || this.destroyed) done(error);
      else this.#loseWrite(error, done);
    };
  }

  #loseWrite(error: SshError, done: Done): void {
    this.#lostWrite = { done, error };
    if (this.readableEnded || !isBeingRead(this)) this.#break(error);
  }
}

/** Whether somebody is, or is about to be, reading. */
function isBeingRead(stream: Readable): boolean {
  return stream.readableFlowing !== null || stream.listenerCount('readable') > 0;
}
