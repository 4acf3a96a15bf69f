/** Writes to our own stdout and stderr: many chunks a call, without blocking on a reader that is slow, and quiet when it has gone. */
import { fstatSync, writevSync } from 'node:fs';
import type { Socket } from 'node:net';
import { isatty, type WriteStream } from 'node:tty';
import { releaseMemory } from '@nacre/ssh/client';
import { bulkPipeBytes } from '../../os/platform.ts';

/** Where output goes. */
export interface Output {
  /** Takes a chunk; false asks to wait for `onDrain`. */
  write(chunk: Buffer): boolean;
  /** Resolves when all was written, or nobody is there to read it. */
  flush(): Promise<void>;
}

export interface OutputEvents {
  readonly onDrain: () => void;
  /** Nobody reads any more: whatever is written from now on is dropped. */
  readonly onBroken: () => void;
}

/** Past this much the server must wait; it is two reads of the connection. */
const highWaterBytes = 128 * 1024;

/** So much makes it bulk: finding the system's call for a larger pipe takes some 10 ms. */
const bulkBytes = 8 * 1024 * 1024;

/** Opens a descriptor that this process was started with. */
export function openOutput(fd: 1 | 2, events: OutputEvents): Output {
  const tty = isatty(fd);
  if (!tty && !isPipe(fd)) return new FileOutput(fd, events);
  // Node's own streams: a second one on the same descriptor is refused, and errors are printed by way of these.
  const stream = (fd === 1 ? process.stdout : process.stderr) as Socket | WriteStream;
  return tty ? streamOutput(stream, events) : new StreamOutput(stream, events, () => void growPipe(fd));
}

/** Writes to a stream of Node's. */
export function streamOutput(stream: Socket | WriteStream, events: OutputEvents): Output {
  if ('isTTY' in stream && stream.isTTY) unblock(stream);
  return new StreamOutput(stream, events);
}

function isPipe(fd: number): boolean {
  try {
    const found = fstatSync(fd);
    return found.isFIFO() || found.isSocket();
  } catch {
    return false;
  }
}

/** A system without such a call, or one that refuses, leaves it as it is. */
async function growPipe(fd: number): Promise<void> {
  try {
    if (!fstatSync(fd).isFIFO()) return;
    const { tryPlatform } = await import('../../os/native.ts');
    tryPlatform()?.growPipe(fd, bulkPipeBytes);
  } catch {
    // It has been closed.
  }
}

/** Node makes terminals blocking; one that is held (^S, a paused pane) would then keep even `~.` from working. */
function unblock(stream: Socket | WriteStream): void {
  (stream as unknown as { _handle?: { setBlocking?(blocking: boolean): void } })._handle?.setBlocking?.(false);
}

/** Chunks that came in one turn go out together. */
class Batch {
  #chunks: Buffer[] = [];
  #isPlanned = false;
  readonly #send: (chunks: Buffer[]) => void;

  constructor(send: (chunks: Buffer[]) => void) {
    this.#send = send;
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    queueMicrotask(() => this.send());
  }

  send(): void {
    this.#isPlanned = false;
    const chunks = this.#chunks;
    this.#chunks = [];
    if (chunks.length > 0) this.#send(chunks);
  }
}

/** Regular files and devices take what they are given at once. */
class FileOutput implements Output {
  readonly #fd: number;
  readonly #events: OutputEvents;
  readonly #batch = new Batch((chunks) => this.#send(chunks));
  #isBroken = false;

  constructor(fd: number, events: OutputEvents) {
    this.#fd = fd;
    this.#events = events;
  }

  write(chunk: Buffer): boolean {
    if (!this.#isBroken) this.#batch.add(chunk);
    return true;
  }

  async flush(): Promise<void> {
    this.#batch.send();
  }

  #send(chunks: Buffer[]): void {
    try {
      let left = chunks;
      while (left.length > 0) left = without(left, writevSync(this.#fd, left));
      releaseMemory(chunks);
    } catch {
      // A full disk or a closed descriptor: the remote program is told as a pipe's writer would be.
      this.#isBroken = true;
      this.#events.onBroken();
    }
  }
}

/** The chunks without their first bytes, which were written. */
export function without(chunks: Buffer[], byteCount: number): Buffer[] {
  let left = byteCount;
  for (const [index, chunk] of chunks.entries()) {
    if (left < chunk.length) return [chunk.subarray(left), ...chunks.slice(index + 1)];
    left -= chunk.length;
  }
  return [];
}

/** Pipes, sockets and terminals. */
class StreamOutput implements Output {
  readonly #stream: Socket | WriteStream;
  readonly #events: OutputEvents;
  readonly #batch = new Batch((chunks) => this.#send(chunks));
  #waitingBytes = 0;
  #sentBytes = 0;
  #grow: (() => void) | undefined;
  #isBroken = false;
  #isHolding = false;
  #flushed: (() => void) | undefined;

  /** @param grow - called once when bulk passes. */
  constructor(stream: Socket | WriteStream, events: OutputEvents, grow?: () => void) {
    this.#stream = stream;
    this.#events = events;
    this.#grow = grow;
    stream.on('error', () => this.#break());
    stream.on('close', () => this.#break());
  }

  write(chunk: Buffer): boolean {
    if (this.#isBroken) return true;
    this.#waitingBytes += chunk.length;
    this.#batch.add(chunk);
    this.#isHolding ||= this.#waitingBytes >= highWaterBytes;
    return !this.#isHolding;
  }

  flush(): Promise<void> {
    this.#batch.send();
    if (this.#waitingBytes === 0 || this.#isBroken) return Promise.resolve();
    return new Promise((resolve) => {
      this.#flushed = resolve;
    });
  }

  #send(chunks: Buffer[]): void {
    const stream = this.#stream;
    const byteCount = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    this.#sentBytes += byteCount;
    if (this.#grow !== undefined && this.#sentBytes >= bulkBytes) {
      this.#grow();
      this.#grow = undefined;
    }
    const done = () => {
      releaseMemory(chunks);
      this.#written(byteCount);
    };
    if (chunks.length === 1) {
      stream.write(chunks[0] as Buffer, done);
      return;
    }
    stream.cork();
    for (const chunk of chunks.slice(0, -1)) stream.write(chunk);
    stream.write(chunks.at(-1) as Buffer, done);
    stream.uncork();
  }

  #written(byteCount: number): void {
    this.#waitingBytes -= byteCount;
    if (this.#isHolding && this.#waitingBytes < highWaterBytes / 2) {
      this.#isHolding = false;
      this.#events.onDrain();
    }
    if (this.#waitingBytes === 0) this.#flushed?.();
  }

  #break(): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    this.#events.onBroken();
    if (this.#isHolding) this.#events.onDrain();
    this.#flushed?.();
  }
}
