/** Writes to what a client passed as its stdout or stderr, without waiting for whoever reads it. */
import { writev } from 'node:fs';
import { Socket } from 'node:net';
import { WriteStream } from 'node:tty';
import { type Output, type OutputEvents, streamOutput, without } from '../local-output.ts';
import { devicePauseMs } from './passed-input.ts';
import type { PassedStream } from './passed-stream.ts';

export interface PassedOutput extends Output {
  /** Writes no more, and drops what was not written. Settles when nothing is under way that needs the descriptor. */
  stop(): Promise<void>;
}

/** Past this much the server must wait. */
const highWaterBytes = 128 * 1024;

export function writePassed(passed: PassedStream, events: OutputEvents): PassedOutput {
  switch (passed.kind) {
    case 'closed':
      return nowhere(events);
    case 'file':
    case 'device':
      return new ThreadOutput(passed, events);
    default:
      return writeByNode(passed, events);
  }
}

function writeByNode(passed: PassedStream, events: OutputEvents): PassedOutput {
  try {
    const stream = passed.openForNode((fd) =>
      passed.kind === 'terminal' ? new WriteStream(fd) : new Socket({ fd, readable: false, writable: true }),
    );
    const output = streamOutput(stream, events);
    return {
      write: (chunk) => output.write(chunk),
      flush: () => output.flush(),
      stop: async () => void stream.destroy(),
    };
  } catch {
    return nowhere(events);
  }
}

/** As if nobody read. */
function nowhere({ onBroken }: OutputEvents): PassedOutput {
  return {
    write: () => {
      onBroken();
      return true;
    },
    flush: async () => {},
    stop: async () => {},
  };
}

/** Files and devices: a write at a time, by a thread, so that a slow disk keeps nobody else waiting. */
class ThreadOutput implements PassedOutput {
  readonly #passed: PassedStream;
  readonly #events: OutputEvents;
  #chunks: Buffer[] = [];
  #waitingBytes = 0;
  #isHolding = false;
  #isBusy = false;
  #isOver = false;
  #whenIdle: (() => void)[] = [];

  constructor(passed: PassedStream, events: OutputEvents) {
    this.#passed = passed;
    this.#events = events;
    if (passed.kind === 'device') passed.makeNonBlocking();
  }

  write(chunk: Buffer): boolean {
    if (this.#isOver) return true;
    this.#chunks.push(chunk);
    this.#waitingBytes += chunk.length;
    this.#isHolding ||= this.#waitingBytes >= highWaterBytes;
    if (!this.#isBusy) this.#writeSome();
    return !this.#isHolding;
  }

  flush(): Promise<void> {
    return this.#isBusy ? new Promise((resolve) => this.#whenIdle.push(resolve)) : Promise.resolve();
  }

  stop(): Promise<void> {
    this.#isOver = true;
    return this.flush();
  }

  #writeSome(): void {
    this.#isBusy = true;
    const chunks = this.#chunks;
    this.#chunks = [];
    writev(this.#passed.fd, chunks, (error, byteCount) => this.#written(chunks, error, byteCount));
  }

  #written(chunks: Buffer[], error: NodeJS.ErrnoException | null, byteCount: number): void {
    const isFull = error?.code === 'EAGAIN';
    if (error !== null && !isFull && !this.#isOver) {
      // A full disk: the program there is told as a pipe's writer would be.
      this.#isOver = true;
      this.#events.onBroken();
    }
    if (this.#isOver) {
      this.#chunks = [];
      this.#waitingBytes = 0;
    } else {
      this.#chunks = [...without(chunks, isFull ? 0 : byteCount), ...this.#chunks];
      this.#waitingBytes -= isFull ? 0 : byteCount;
    }
    if (this.#isHolding && this.#waitingBytes < highWaterBytes / 2) {
      this.#isHolding = false;
      this.#events.onDrain();
    }
    if (this.#chunks.length > 0) {
      if (isFull) setTimeout(() => this.#writeSome(), devicePauseMs);
      else this.#writeSome();
      return;
    }
    this.#isBusy = false;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }
}
