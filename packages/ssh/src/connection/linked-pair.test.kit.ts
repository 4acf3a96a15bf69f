/** Two connections over a link in memory, with a clock that stands still, for the tests of this folder. */

import { SshError } from '../errors.ts';
import type { Clock, ConnectionLink } from '../transport/link.ts';
import { Connection } from './connection.ts';
import type { ConnectionOptions } from './connection-options.ts';

/** A clock that moves only when told. */
export class FakeClock implements Clock {
  #nowMs = 1000;
  #timers = new Set<{ atMs: number; order: number; callback: () => void }>();
  #order = 0;

  get timerCount(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#nowMs;
  }

  setTimer(ms: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + ms, order: this.#order++, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      let next: { atMs: number; order: number; callback: () => void } | undefined;
      for (const timer of this.#timers) {
        if (timer.atMs > untilMs) continue;
        if (next === undefined || timer.atMs < next.atMs || (timer.atMs === next.atMs && timer.order < next.order)) {
          next = timer;
        }
      }
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#nowMs = next.atMs;
      next.callback();
    }
    this.#nowMs = untilMs;
  }
}

/** One end: what it sends is kept in `outbox` until the pair delivers it. */
export class MemoryLink implements ConnectionLink {
  readonly role: 'client' | 'server';
  peerIdentification = 'SSH-2.0-nacre_test';
  ready = true;
  /** Whether ping() is offered. */
  pings = false;
  readonly outbox: Buffer[] = [];
  readonly pingsAsked: (() => void)[] = [];
  /** How much each ping asked so far carried. */
  readonly pingBytes: number[] = [];
  nudgeCount = 0;
  flushCount = 0;
  failure: SshError | undefined;
  onSend: (() => void) | undefined;
  onFail: ((error: SshError) => void) | undefined;

  constructor(role: 'client' | 'server') {
    this.role = role;
  }

  send(head: Uint8Array, body?: Uint8Array): void {
    if (this.failure !== undefined) return;
    this.outbox.push(body === undefined ? Buffer.from(head) : Buffer.concat([head, body]));
    this.onSend?.();
  }

  ping(done: () => void, data: Buffer = Buffer.alloc(0)): boolean {
    if (!this.pings) return false;
    this.pingsAsked.push(done);
    this.pingBytes.push(data.length);
    this.onSend?.();
    return true;
  }

  nudge(): void {
    this.nudgeCount++;
  }

  flush(): void {
    this.flushCount++;
  }

  fail(error: SshError): void {
    this.failure ??= error;
    this.onFail?.(this.failure);
  }

  /** Numbers of the messages that wait in the outbox. */
  get numbers(): (number | undefined)[] {
    return this.outbox.map((payload) => payload[0]);
  }
}

export interface Pair {
  readonly clock: FakeClock;
  readonly client: Connection;
  readonly server: Connection;
  readonly clientLink: MemoryLink;
  readonly serverLink: MemoryLink;
  /** Delivers what waits, and what that brings about, until nothing moves; lets promises and streams run in between. */
  settle(): Promise<void>;
  /** Delivers what waits now, in both directions, without letting anything else run. */
  deliver(): void;
}

/** Two connections; nothing is delivered by itself. */
export function linkedPair(
  options: { client?: Partial<ConnectionOptions>; server?: Partial<ConnectionOptions> } = {},
): Pair {
  const clock = new FakeClock();
  const clientLink = new MemoryLink('client');
  const serverLink = new MemoryLink('server');
  const client = new Connection(clientLink, { clock, ...options.client });
  const server = new Connection(serverLink, { clock, ...options.server });
  const lost = new SshError('the other end hung up', { code: 'connection-lost', stage: 'transport' });
  clientLink.onFail = (error) => {
    client.end(error);
    server.end(lost);
  };
  serverLink.onFail = (error) => {
    server.end(error);
    client.end(lost);
  };
  const deliver = () => {
    carry(clientLink, server, serverLink);
    carry(serverLink, client, clientLink);
  };
  return {
    clock,
    client,
    server,
    clientLink,
    serverLink,
    deliver,
    async settle() {
      for (let idle = 0; idle < 3; idle++) {
        if (clientLink.outbox.length + serverLink.outbox.length > 0) idle = 0;
        deliver();
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

/** Hands the messages of one end to the other, as a transport does. */
export function carry(from: MemoryLink, to: Connection, toLink: MemoryLink): void {
  for (const payload of from.outbox.splice(0)) receive(to, toLink, payload);
  for (const done of from.pingsAsked.splice(0)) done();
}

/** One message as a transport hands it over: a rule broken ends the connection; anything but an SshError is a bug. */
export function receive(to: Connection, toLink: MemoryLink, payload: Buffer): void {
  try {
    to.receive(payload);
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    toLink.fail(error);
  }
}

/** A repeatable run of bytes. */
export function pattern(byteCount: number, seed = 0): Buffer {
  const bytes = Buffer.allocUnsafe(byteCount);
  for (let index = 0; index < byteCount; index++) bytes[index] = (index * 31 + (index >> 8) + seed) & 0xff;
  return bytes;
}
