/** Joins a transport to a socket or any other Duplex: reads into one buffer, writes many packets at once. */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { isForcedOff } from '../fast-paths.ts';
import type { ByteSink } from '../transport/options.ts';
import { readBuffer } from './read-buffer.ts';
import { releaseMemory } from './release-memory.ts';

/** What the driver needs of a transport. */
export interface DrivenTransport {
  receive(chunk: Buffer): void;
  /** How much of so many bytes the next read should take, so that it ends where a packet does. */
  nextReadBytes?(mostBytes: number): number;
  receiveEnd(cause?: unknown): void;
  onDrain(): void;
}

/**
 * Full buffers taken in a row before everything else gets its turn. libuv alone would take 32, and a key that is typed
 * while a download runs over the same connection would wait behind 2 MiB of it.
 */
const readsPerTurn = 4;

/** Off: reads are as large as the buffer, wherever packets end. */
const readsWholePackets = !isForcedOff('NACRE_PACKET_READS');

/** How long a peer may take to close its side after we closed ours. */
const lingerMs = 2000;

/** A sink over a stream; `drive()` starts handing what arrives to the transport. */
export class StreamDriver implements ByteSink {
  readonly stream: Duplex;
  readonly #isSocket: boolean;
  #transport: DrivenTransport | undefined;
  #isOver = false;
  #isReading = true;
  #readsInTurn = 0;
  #readsPerTurn = readsPerTurn;
  #whole: Buffer | undefined;
  #part: Buffer | undefined;
  /**
   * Called in the turn after a read, when what could be answered at once has been: TCP acknowledges what was not only after some
   * 40 ms, and a peer that gathers small writes (Nagle's algorithm) sends nothing else until then.
   */
  acknowledge: (() => void) | undefined;
  #isAcknowledging = false;

  constructor(stream: Duplex) {
    this.stream = stream;
    this.#isSocket = stream instanceof Socket;
    // Listened to from the first moment: an 'error' nobody hears would end the process.
    stream.on('error', (error) => this.#finish(error));
    stream.on('close', () => this.#finish(undefined));
    // A keystroke must not wait for the acknowledgement of the one before.
    if (stream instanceof Socket) stream.setNoDelay(true);
  }

  drive(transport: DrivenTransport): void {
    this.#transport = transport;
    this.stream.on('data', (chunk: Buffer) => transport.receive(chunk));
    this.stream.on('end', () => this.#finish(undefined));
  }

  /** What the next read goes into: see `onread` of node:net. */
  readonly nextBuffer = (): Buffer => {
    this.#whole ??= readBuffer();
    const whole = this.#whole;
    if (!readsWholePackets) return whole;
    const byteCount = this.#transport?.nextReadBytes?.(whole.length) ?? whole.length;
    if (byteCount === whole.length) return whole;
    // The size is mostly the same as for the read before.
    if (this.#part?.length !== byteCount) this.#part = whole.subarray(0, byteCount);
    return this.#part;
  };

  /** For sockets that read into a buffer of ours: see `onread` of node:net. Returns whether to go on reading. */
  readonly onRead = (byteCount: number, buffer: Uint8Array): boolean => {
    this.#transport?.receive(buffer.subarray(0, byteCount) as Buffer);
    if (this.acknowledge !== undefined && !this.#isAcknowledging) {
      this.#isAcknowledging = true;
      setImmediate(this.#acknowledgeRead);
    }
    if (byteCount < buffer.length) this.#readsInTurn = 0;
    else if (++this.#readsInTurn >= this.#readsPerTurn) {
      this.#readsInTurn = 0;
      setImmediate(this.#readOn);
      return false;
    }
    return true;
  };

  readonly #acknowledgeRead = (): void => {
    this.#isAcknowledging = false;
    if (!this.stream.destroyed) this.acknowledge?.();
  };

  readonly #readOn = (): void => {
    if (this.#isReading && !this.stream.destroyed) this.stream.resume();
  };

  write(chunks: Buffer[]): void {
    const { stream } = this;
    const last = chunks.length - 1;
    if (last < 0 || stream.destroyed || stream.writableEnded) return;
    if (last > 0) stream.cork();
    for (let index = 0; index < last; index++) stream.write(chunks[index]);
    // Other streams may hand the very buffers on, to somebody who has not read them yet.
    if (this.#isSocket) stream.write(chunks[last] as Buffer, () => this.#onSocketWritten(chunks));
    else stream.write(chunks[last], this.#onWritten);
    if (last > 0) stream.uncork();
  }

  queuedBytes(): number {
    return this.stream.writableLength;
  }

  setReading(reading: boolean): void {
    this.#isReading = reading;
    if (reading) this.stream.resume();
    else this.stream.pause();
  }

  shareTurns(isShared: boolean): void {
    this.#readsPerTurn = isShared ? 1 : readsPerTurn;
  }

  end(): void {
    const { stream } = this;
    if (stream.destroyed) return;
    stream.end();
    // What still arrives is read and dropped: closing over unread bytes would reset the connection, and the peer would lose
    // our last words.
    stream.resume();
    const timer = setTimeout(() => stream.destroy(), lingerMs);
    timer.unref();
    stream.once('close', () => clearTimeout(timer));
    // All is in the system's hands then; waiting for the peer's goodbye must not keep a program alive.
    if (stream instanceof Socket) stream.once('finish', () => stream.unref());
  }

  /** Closes this process's hold of the socket once all is written, and tells the peer nothing: another process has it as well. */
  async release(): Promise<void> {
    const { stream } = this;
    this.setReading(false);
    if (stream.writableLength > 0) await new Promise<void>((resolve) => stream.write(Buffer.alloc(0), () => resolve()));
    this.#isOver = true;
    stream.destroy();
  }

  defer(callback: () => void): void {
    setImmediate(callback);
  }

  readonly #onWritten = (): void => this.#transport?.onDrain();

  #onSocketWritten(chunks: readonly Buffer[]): void {
    releaseMemory(chunks);
    this.#transport?.onDrain();
  }

  #finish(error: Error | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#transport?.receiveEnd(error);
    if (!this.stream.destroyed) this.stream.destroy();
  }
}

/**
 * A socket that reads straight into the shared buffer, made of one that a server accepted paused (`pauseOnConnect`).
 *
 * @param wantedBytes - how many bytes the next read may take at most; asked after each.
 */
export function adoptSocket(accepted: Socket, wantedBytes?: () => number): StreamDriver {
  // Documented for net.connect only; node's own constructor takes it in all versions, and without it plain events serve.
  const handle = (accepted as unknown as { _handle?: object })._handle;
  if (handle === undefined || handle === null) return new StreamDriver(accepted);
  let driver: StreamDriver | undefined;
  const socket = new Socket({
    handle,
    allowHalfOpen: true,
    onread: {
      // Asked for the first time before there is a driver.
      buffer: () => (wantedBytes ? readBuffer().subarray(0, wantedBytes()) : (driver?.nextBuffer() ?? readBuffer())),
      callback: (byteCount: number, buffer: Uint8Array) => driver?.onRead(byteCount, buffer) ?? true,
    },
  } as ConstructorParameters<typeof Socket>[0]);
  driver = new StreamDriver(socket);
  return driver;
}
