/** A long path on one machine: a TCP relay that holds every byte back for the time that the path and its rate take. */
import { createServer, Socket } from 'node:net';
import { performance } from 'node:perf_hooks';

export interface DelayLinkOptions {
  /** The port of 127.0.0.1 that is at the far end. */
  readonly targetPort: number;
  readonly roundTripMs: number;
  /** In each direction, for all connections together. */
  readonly bytesPerSecond: number;
}

export interface DelayLink {
  readonly port: number;
  /** The most bytes that one direction held at any time. */
  readonly mostBytesHeld: () => number;
  close(): Promise<void>;
}

/** What a router holds beside what is on its way: the sender is stopped a little late, as timers are coarse. */
const routerMs = 25;
/** Node asks a writer to wait at 16 KiB, which costs a turn for every piece. */
const writeBufferBytes = 1024 * 1024;
const farOptions = { writableHighWaterMark: writeBufferBytes };
/** A piece that would be due within this time goes with the ones before it: Node's timers count whole milliseconds. */
const timerSlackMs = 0.5;

/**
 * Starts a relay on 127.0.0.1. It stands for a path with windows as large as it takes: the sender's system has what it wrote
 * acknowledged at once, and is stopped when the path is full, so that what limits a program is what it does itself.
 */
export function startDelayLink({ targetPort, roundTripMs, bytesPerSecond }: DelayLinkOptions): Promise<DelayLink> {
  const oneWayMs = roundTripMs / 2;
  const bytesPerMs = bytesPerSecond / 1000;
  const directions = [new Direction(oneWayMs, bytesPerMs), new Direction(oneWayMs, bytesPerMs)] as const;
  const sockets = new Set<Socket>();
  const server = createServer(
    { allowHalfOpen: true, pauseOnConnect: true, highWaterMark: writeBufferBytes },
    (near) => {
      sockets.add(near);
      near.on('close', () => sockets.delete(near));
      near.on('error', () => near.destroy());
      // The three steps of TCP's own greeting: after two the near end sends, after the third the far end knows of the connection,
      // and what was sent behind the third arrives with it.
      setTimeout(() => {
        const far = new Socket({ allowHalfOpen: true, ...farOptions });
        setTimeout(() => far.destroyed || far.connect({ port: targetPort, host: '127.0.0.1' }), oneWayMs);
        sockets.add(far);
        far.on('close', () => sockets.delete(far));
        for (const [one, other] of [
          [near, far],
          [far, near],
        ] as const) {
          one.setNoDelay();
          one.on('error', () => {
            one.destroy();
            // What was cut at one end is cut at the other: an end in good order would be another thing.
            other.resetAndDestroy();
          });
        }
        new Stream(near, far, directions[0]);
        new Stream(far, near, directions[1]);
      }, oneWayMs * 2);
    },
  );
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve({
        port: typeof address === 'object' && address !== null ? address.port : 0,
        mostBytesHeld: () => Math.max(...directions.map(({ most }) => most)),
        close: () =>
          new Promise((closed) => {
            for (const socket of sockets) socket.destroy();
            server.close(() => closed());
          }),
      });
    });
  });
}

/** One direction of the path, which its connections share: when it is free again, and what is on it. */
class Direction {
  readonly delayMs: number;
  readonly #bytesPerMs: number;
  #freeAtMs = 0;
  #held = 0;
  most = 0;
  readonly #waiting = new Set<() => void>();

  constructor(delayMs: number, bytesPerMs: number) {
    this.delayMs = delayMs;
    this.#bytesPerMs = bytesPerMs;
  }

  /** The bandwidth-delay product of one way, and the router's share: never more lies in memory, whoever stops reading. */
  get isFull(): boolean {
    return this.#held >= this.#bytesPerMs * (this.delayMs + routerMs);
  }

  /** Takes bytes onto the path; tells when they arrive. */
  take(byteCount: number): number {
    this.#held += byteCount;
    this.most = Math.max(this.most, this.#held);
    this.#freeAtMs = Math.max(this.#freeAtMs, performance.now()) + byteCount / this.#bytesPerMs;
    return this.#freeAtMs + this.delayMs;
  }

  /** Bytes that were delivered, and taken. */
  release(byteCount: number): void {
    this.#held -= byteCount;
    if (this.isFull) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resume of waiting) resume();
  }

  whenFree(resume: () => void): void {
    this.#waiting.add(resume);
  }
}

interface Piece {
  /** Undefined for the end. */
  readonly bytes: Buffer | undefined;
  readonly dueMs: number;
}

/** What one side of a connection sends to the other. */
class Stream {
  readonly #to: Socket;
  readonly #direction: Direction;
  #pieces: Piece[] = [];
  #next = 0;
  #timer: NodeJS.Timeout | undefined;
  #isBlocked = false;

  constructor(from: Socket, to: Socket, direction: Direction) {
    this.#to = to;
    this.#direction = direction;
    from.on('data', (bytes: Buffer) => {
      this.#add({ bytes, dueMs: direction.take(bytes.length) });
      if (!direction.isFull) return;
      from.pause();
      direction.whenFree(() => from.resume());
    });
    from.on('end', () => this.#add({ bytes: undefined, dueMs: performance.now() + direction.delayMs }));
    to.on('drain', () => {
      this.#isBlocked = false;
      this.#deliver();
    });
    // What is due with the connection itself may be so a moment before it.
    this.#isBlocked = to.pending;
    to.once('connect', () => {
      this.#isBlocked = false;
      this.#deliver();
    });
    to.on('close', () => {
      clearTimeout(this.#timer);
      for (const { bytes } of this.#pieces.slice(this.#next)) direction.release(bytes?.length ?? 0);
      this.#pieces = [];
      this.#next = 0;
      // One that ended in good order may still have things on their way to the other.
      if (!to.writableFinished && !from.destroyed) from.resetAndDestroy();
    });
    from.resume();
  }

  #add(piece: Piece): void {
    if (this.#to.destroyed) this.#direction.release(piece.bytes?.length ?? 0);
    else this.#pieces.push(piece);
    if (this.#timer === undefined && !this.#isBlocked) this.#deliver();
  }

  #deliver(): void {
    this.#timer = undefined;
    const nowMs = performance.now() + timerSlackMs;
    this.#to.cork();
    while (!this.#isBlocked) {
      const piece = this.#pieces[this.#next];
      if (piece === undefined || piece.dueMs > nowMs) break;
      this.#next++;
      const { bytes } = piece;
      if (bytes === undefined) this.#to.end();
      else this.#isBlocked = !this.#to.write(bytes, () => this.#direction.release(bytes.length));
    }
    this.#to.uncork();
    if (this.#next > 256) {
      this.#pieces = this.#pieces.slice(this.#next);
      this.#next = 0;
    }
    const piece = this.#pieces[this.#next];
    if (piece === undefined || this.#isBlocked) return;
    this.#timer = setTimeout(() => this.#deliver(), Math.max(0, piece.dueMs - performance.now() - timerSlackMs));
  }
}
