/** Two transports joined in memory, with a clock that moves only when told: for tests of this layer and of those above it. */

import { generateKey } from '../keys/index.ts';
import type { PrivateKey } from '../keys/types.ts';
import type { Clock } from './link.ts';
import type { ByteSink, ClientTransportOptions, ServerTransportOptions } from './options.ts';
import { Transport } from './transport.ts';

/** A clock for tests. */
export class ManualClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Set<{ dueMs: number; callback: () => void }>();

  now(): number {
    return this.#nowMs;
  }

  setTimer(ms: number, callback: () => void): () => void {
    const timer = { dueMs: this.#nowMs + ms, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Timers that are set: none is left when a connection has ended. */
  get timerCount(): number {
    return this.#timers.size;
  }

  advance(ms: number): void {
    this.#nowMs += ms;
    for (const timer of [...this.#timers].sort((a, b) => a.dueMs - b.dueMs)) {
      if (timer.dueMs > this.#nowMs || !this.#timers.delete(timer)) continue;
      timer.callback();
    }
  }
}

/** A sink that hands bytes to another transport in a later turn, in pieces of at most `pieceBytes`. */
export class MemorySink implements ByteSink {
  peer: { receive(chunk: Buffer): void; receiveEnd(): void } | undefined;
  /** Changes or drops what passes; for faults on the way. */
  tamper: (bytes: Buffer) => Buffer = (bytes) => bytes;
  sentBytes = 0;
  isEnded = false;
  isReading = true;
  readonly #pieceBytes: number;

  constructor(pieceBytes = 64 * 1024) {
    this.#pieceBytes = pieceBytes;
  }

  write(chunks: Buffer[]): void {
    const bytes = this.tamper(Buffer.concat(chunks));
    this.sentBytes += bytes.length;
    setImmediate(() => {
      for (let at = 0; at < bytes.length; at += this.#pieceBytes) {
        // A copy that is overwritten at once: nobody may keep the read buffer.
        const piece = Buffer.from(bytes.subarray(at, at + this.#pieceBytes));
        this.peer?.receive(piece);
        piece.fill(0xaa);
      }
    });
  }

  queuedBytes(): number {
    return 0;
  }

  setReading(reading: boolean): void {
    this.isReading = reading;
  }

  end(): void {
    this.isEnded = true;
    setImmediate(() => this.peer?.receiveEnd());
  }

  defer(callback: () => void): void {
    setImmediate(callback);
  }
}

export interface Pair {
  client: Transport;
  server: Transport;
  clientSink: MemorySink;
  serverSink: MemorySink;
  clock: ManualClock;
  hostKey: PrivateKey;
}

let sharedHostKey: Promise<PrivateKey> | undefined;

/** The Ed25519 host key that all pairs use unless given others. */
export function testHostKey(): Promise<PrivateKey> {
  sharedHostKey ??= generateKey('ssh-ed25519');
  return sharedHostKey;
}

/** Two transports, not yet shaken hands. */
export async function createPair(
  options: {
    client?: Partial<ClientTransportOptions>;
    server?: Partial<ServerTransportOptions>;
    pieceBytes?: number;
  } = {},
): Promise<Pair> {
  const hostKey = await testHostKey();
  const clock = new ManualClock();
  const clientSink = new MemorySink(options.pieceBytes);
  const serverSink = new MemorySink(options.pieceBytes);
  const client = new Transport({
    role: 'client',
    sink: clientSink,
    clock,
    version: 'test',
    verifyHostKey: async () => {},
    ...options.client,
  });
  const server = new Transport({
    role: 'server',
    sink: serverSink,
    clock,
    version: 'test',
    hostKeys: [{ signer: hostKey }],
    signatureAlgorithms: ['ssh-ed25519'],
    ...options.server,
  });
  clientSink.peer = server;
  serverSink.peer = client;
  return { client, server, clientSink, serverSink, clock, hostKey };
}

/** Shakes hands, and lets the client in without a question. */
export async function logIn(pair: Pair): Promise<void> {
  await Promise.all([pair.client.handshake(), pair.server.handshake()]);
  const accepted = pair.client.next();
  pair.server.send(Buffer.from([52]));
  await accepted;
}

/** Collects the messages of the connection protocol. */
export class Collector {
  readonly payloads: Buffer[] = [];
  ended: Error | undefined;
  #waiters: (() => void)[] = [];

  receive(payload: Buffer): void {
    this.payloads.push(payload);
    for (const wake of this.#waiters.splice(0)) wake();
  }

  onLinkReady(): void {}

  end(error: Error): void {
    this.ended = error;
    for (const wake of this.#waiters.splice(0)) wake();
  }

  async waitFor(count: number): Promise<void> {
    while (this.payloads.length < count && this.ended === undefined) {
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }
}
