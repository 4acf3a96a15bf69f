/** What the tests of login share: links in memory, scripted peers, a clock without waiting, a fixed set of keys. */
import assert from 'node:assert/strict';
import { SshError } from '../errors.ts';
import { generateKey } from '../keys/index.ts';
import type { PrivateKey, Signer } from '../keys/types.ts';
import type { AuthLink, Clock } from '../transport/link.ts';
import { userauthRequest } from './messages.ts';
import type { AuthAttempt, ServerAuthOptions } from './server-options.ts';

export const alice = await generateKey('ssh-ed25519');
export const second = await generateKey('ssh-ed25519');
export const stranger = await generateKey('ecdsa-sha2-nistp256');
export const hostKey = await generateKey('ssh-ed25519');
export const otherHostKey = await generateKey('ssh-ed25519');
export const rsa = await generateKey('ssh-rsa', { bits: 2048 });

/** One end of a link: what was sent to it waits until it is asked for. */
export class TestLink implements AuthLink {
  readonly sessionId = Buffer.alloc(32, 0x5e);
  hostKey = hostKey.publicKey;
  peerExtensions = new Map<string, Buffer>();
  peerIdentification = 'SSH-2.0-test';
  /** Everything this end sent. */
  readonly sent: Buffer[] = [];
  /** Told of every message this end sends. */
  onSend: (payload: Buffer) => void = () => undefined;
  readonly #arrived: Buffer[] = [];
  #waiting: { resolve: (payload: Buffer) => void; reject: (error: SshError) => void } | undefined;
  #end: SshError | undefined;

  send(payload: Uint8Array): void {
    const copy = Buffer.from(payload);
    this.sent.push(copy);
    this.onSend(copy);
  }

  next(): Promise<Buffer> {
    assert.equal(this.#waiting, undefined, 'two calls of next() at once');
    const payload = this.#arrived.shift();
    if (payload !== undefined) return Promise.resolve(payload);
    if (this.#end !== undefined) return Promise.reject(this.#end);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  /** A message from the other end. */
  arrive(payload: Uint8Array): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) this.#arrived.push(Buffer.from(payload));
    else waiting.resolve(Buffer.from(payload));
  }

  end(error: SshError = new SshError('the link is gone', { code: 'connection-lost', stage: 'transport' })): void {
    this.#end = error;
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }
}

/** Two links, each sending to the other. */
export function linkedPair(): { client: TestLink; server: TestLink } {
  const client = new TestLink();
  const server = new TestLink();
  client.onSend = (payload) => server.arrive(payload);
  server.onSend = (payload) => client.arrive(payload);
  return { client, server };
}

/** A link whose messages are all there at once, and which ends after them. */
export function scripted(...payloads: Uint8Array[]): TestLink {
  const link = new TestLink();
  for (const payload of payloads) link.arrive(payload);
  link.end();
  return link;
}

/** A clock whose timers fire at once and move the time on. */
export class TestClock implements Clock {
  ms = 1000;
  /** The lengths of all timers that were set. */
  readonly waits: number[] = [];

  now(): number {
    return this.ms;
  }

  setTimer(ms: number, callback: () => void): () => void {
    this.waits.push(ms);
    this.ms += ms;
    queueMicrotask(callback);
    return () => undefined;
  }
}

export type TestGrant = { readonly by: string };

/** Server options that know nobody, with a log of all attempts. */
export function serverOptions(
  options: Partial<ServerAuthOptions<TestGrant>> = {},
): ServerAuthOptions<TestGrant> & { attempts: AuthAttempt[]; clock: TestClock } {
  const attempts: AuthAttempt[] = [];
  return {
    merge: (grants) => ({ by: grants.map((grant) => grant.by).join('+') }),
    gate: async (_login, grant) => grant,
    onAttempt: (attempt) => void attempts.push(attempt),
    ...options,
    clock: new TestClock(),
    attempts,
  };
}

/** A publicKey handler that takes these keys for the user `alice`. */
export function knows(...keys: Signer[]): NonNullable<ServerAuthOptions<TestGrant>['publicKey']> {
  return async ({ user, key }) =>
    user === 'alice' && keys.some((known) => known.publicKey.equals(key)) ? { by: nameOf(key.blob) } : undefined;
}

export function nameOf(blob: Buffer): string {
  const named: Record<string, PrivateKey> = { alice, second, stranger, rsa };
  return Object.entries(named).find(([, key]) => key.publicKey.blob.equals(blob))?.[0] ?? 'unknown';
}

/** A USERAUTH_REQUEST with whatever rest. */
export function request(
  method: string,
  rest: Uint8Array = Buffer.alloc(0),
  user = 'alice',
  service = 'ssh-connection',
): Buffer {
  return userauthRequest.encode({ user, service, method, rest: Buffer.from(rest) });
}

/** Asserts a rejection with an SshError of this code, and gives the error. */
export async function rejectsWith(promise: Promise<unknown>, code: SshError['code'], text?: RegExp): Promise<SshError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof SshError, `not an SshError: ${String(error)}`);
    assert.equal(error.code, code, error.message);
    if (text !== undefined) assert.match(error.message, text);
    return error;
  }
  assert.fail(`expected a rejection with ${code}`);
}
