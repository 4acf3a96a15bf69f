/** The master side of a pseudo-terminal as a Node stream that loses nothing at the end and never blocks. */
import { readSync, writeSync } from 'node:fs';
import { Duplex } from 'node:stream';
import { ReadStream } from 'node:tty';

/** What may still be queued in the kernel when the process is gone is less than this (64 KiB and a line buffer). */
const maxBytesAfterExit = 256 * 1024;
const readBytes = 16 * 1024;
/** Waits between two tries of a full terminal queue: its reader may be asleep for long. */
const firstRetryMs = 1;
const lastRetryMs = 32;

type Phase =
  /** Fed by the event loop. */
  | 'live'
  /** The process is gone: fed by direct reads, as the consumer asks, until nothing is left. */
  | 'draining'
  | 'ended';

/** Reads and writes a master descriptor that is in non-blocking mode; owns it and closes it when destroyed. */
export class PtyStream extends Duplex {
  readonly #fd: number;
  readonly #source: ReadStream;
  #phase: Phase = 'live';
  #drained = 0;
  #retry: NodeJS.Timeout | undefined;

  constructor(masterFd: number) {
    super({ allowHalfOpen: true, autoDestroy: false, readableHighWaterMark: 64 * 1024 });
    this.#fd = masterFd;
    // With a buffer of ours, pause() stops the handle at once: otherwise it would read one chunk more, which nobody would
    // get once finish() reads by itself.
    const onread = {
      buffer: Buffer.allocUnsafe(readBytes),
      callback: (count: number, buffer: Uint8Array): boolean => this.push(Buffer.from(buffer.subarray(0, count))),
    };
    this.#source = new ReadStream(masterFd, { onread });
    this.#source.pause();
    // EIO when the last slave is closed is how a terminal says "end of file".
    this.#source.on('error', () => this.#end());
    this.#source.on('end', () => this.#end());
  }

  /** The process behind the terminal has exited: what it printed is given out, then the stream ends. */
  finish(): void {
    if (this.#phase !== 'live' || this.destroyed) return;
    this.#phase = 'draining';
    this.#source.pause();
    this.#drain();
  }

  /** Whether the descriptor is still the terminal's: once it is closed, its number may soon be another file's. */
  get isOpen(): boolean {
    return !this.destroyed && !this.#source.destroyed;
  }

  override _read(): void {
    if (this.#phase === 'live') this.#source.resume();
    else if (this.#phase === 'draining') this.#drain();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#writeSome(chunk, firstRetryMs, done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (this.#retry !== undefined) clearTimeout(this.#retry);
    this.#phase = 'ended';
    this.#source.destroy();
    done(error);
  }

  #drain(): void {
    for (;;) {
      const chunk = this.isOpen && this.#drained < maxBytesAfterExit ? tryRead(this.#fd) : undefined;
      if (chunk === undefined) break;
      this.#drained += chunk.length;
      if (!this.push(chunk)) return;
    }
    this.#end();
  }

  #end(): void {
    if (this.#phase === 'ended') return;
    this.#phase = 'ended';
    this.push(null);
  }

  /**
   * Writes what fits and tries again later. A tty.WriteStream would block the whole process while a stopped program does
   * not read its terminal.
   */
  #writeSome(chunk: Buffer, retryMs: number, done: (error?: Error | null) => void): void {
    let rest = chunk;
    let waitMs = retryMs;
    while (rest.length > 0) {
      const count = this.isOpen ? tryWrite(this.#fd, rest) : 'gone';
      if (count === 'gone') break;
      if (count === 0) {
        this.#retry = setTimeout(() => this.#writeSome(rest, Math.min(waitMs * 2, lastRetryMs), done), waitMs);
        return;
      }
      waitMs = firstRetryMs;
      rest = rest.subarray(count);
    }
    done();
  }
}

/** One read without waiting; undefined when there is nothing (any more). */
function tryRead(fd: number): Buffer | undefined {
  const buffer = Buffer.allocUnsafe(readBytes);
  try {
    const count = readSync(fd, buffer);
    return count === 0 ? undefined : buffer.subarray(0, count);
  } catch {
    return undefined;
  }
}

/** One write without waiting: bytes taken, 0 when the queue is full, `gone` when nobody will read again. */
function tryWrite(fd: number, bytes: Buffer): number | 'gone' {
  try {
    return writeSync(fd, bytes);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    return code === 'EAGAIN' || code === 'EINTR' ? 0 : 'gone';
  }
}
