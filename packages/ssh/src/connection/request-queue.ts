/** Requests from the peer, handled and answered strictly in order; and our own, matched with their replies in order. */

import { protocolError, SshError } from '../errors.ts';

/** How a request was answered: refused, granted, or granted with data (global requests only). */
export type Answer = boolean | Buffer;

/** A request of the peer's. */
export interface IncomingRequest {
  readonly type: string;
  readonly wantReply: boolean;
  /** What follows in the message; a view of it. */
  readonly data: Buffer;
}

export type RequestHandler = (request: IncomingRequest) => Answer | Promise<Answer>;

export interface RequestQueueOptions {
  handle: RequestHandler;
  reply: (answer: Answer) => void;
  /** The peer broke a rule; ends the connection. */
  fail: (error: SshError) => void;
  /** Told what a handler threw that is no fault of the peer's; the request is refused. */
  onHandlerError: (error: unknown) => void;
  /** Requests that may wait for the application. */
  limit: number;
}

/** A peer that piles up this many times the limit does not wait for answers. */
const floodFactor = 16;

/**
 * One handler runs at a time, so that a later request never overtakes an earlier one; the read loop never waits for it.
 * Requests beyond the limit are refused in their turn without being kept, and a flood of them ends the connection.
 */
export class RequestQueue {
  readonly #options: RequestQueueOptions;
  #waiting: (IncomingRequest | 'refused' | 'dropped')[] = [];
  #state: 'held' | 'idle' | 'busy' | 'ended';

  /** @param held - whether nothing is handled until release() is called. */
  constructor(options: RequestQueueOptions, held = false) {
    this.#options = options;
    this.#state = held ? 'held' : 'idle';
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  push(request: IncomingRequest): void {
    if (this.#state === 'ended') return;
    const waiting = this.#waiting.length;
    if (waiting < this.#options.limit) this.#waiting.push(request);
    else if (waiting < this.#options.limit * floodFactor) this.#waiting.push(request.wantReply ? 'refused' : 'dropped');
    else {
      throw protocolError('channel', `${waiting} requests wait for an answer, which is more than any peer needs`, {
        code: 'limit-exceeded',
      });
    }
    this.#run();
  }

  release(): void {
    if (this.#state !== 'held') return;
    this.#state = 'idle';
    this.#run();
  }

  /** No further request is handled, no further reply sent. */
  end(): void {
    this.#state = 'ended';
    this.#waiting = [];
  }

  #run(): void {
    while (this.#state === 'idle') {
      const request = this.#waiting.shift();
      if (request === undefined) return;
      if (request === 'dropped') continue;
      if (request === 'refused') {
        this.#options.reply(false);
        continue;
      }
      let answer: Answer | Promise<Answer>;
      this.#state = 'busy';
      try {
        answer = this.#options.handle(request);
      } catch (error) {
        answer = this.#refusal(error);
      }
      if (answer instanceof Promise) {
        this.#await(request, answer);
        return;
      }
      this.#finish(request, answer);
    }
  }

  #await(request: IncomingRequest, answer: Promise<Answer>): void {
    answer
      .catch((error: unknown) => this.#refusal(error))
      .then((settled) => {
        this.#finish(request, settled);
        this.#run();
      })
      .catch((error: unknown) => this.#options.onHandlerError(error));
  }

  #finish(request: IncomingRequest, answer: Answer): void {
    if (this.#state !== 'busy') return;
    this.#state = 'idle';
    if (request.wantReply) this.#options.reply(answer);
  }

  /** What the peer did wrong ends the connection; what the application did wrong refuses the request. */
  #refusal(error: unknown): Answer {
    if (error instanceof SshError && error.code === 'bad-message') this.#options.fail(error);
    else this.#options.onHandlerError(error);
    return false;
  }
}

interface Pending {
  settle: (answer: Answer) => void;
  reject: (error: SshError) => void;
}

/** Our requests that want a reply. Replies carry no name: the next one answers the oldest request (RFC 4254 §4). */
export class PendingReplies {
  #pending: Pending[] = [];

  get count(): number {
    return this.#pending.length;
  }

  /**
   * Waits for the next reply that is not spoken for. Call it right when the request is sent. An aborted wait rejects at
   * once; its reply is still taken off in its turn, so that it does not answer the next request.
   */
  wait(signal?: AbortSignal): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(abortedError(signal, 'a request'));
      signal?.addEventListener('abort', onAbort, { once: true });
      const stopListening = () => signal?.removeEventListener('abort', onAbort);
      this.#pending.push({
        settle: (answer) => {
          stopListening();
          resolve(answer);
        },
        reject: (error) => {
          stopListening();
          reject(error);
        },
      });
    });
  }

  /** A reply came. */
  settle(answer: Answer, what: string): void {
    const pending = this.#pending.shift();
    // Go CVE-2026-39830: an unasked reply must not be kept for a request that comes later.
    if (pending === undefined) throw protocolError('channel', `${what} came, but no request waits for a reply`);
    pending.settle(answer);
  }

  end(error: SshError): void {
    const pending = this.#pending;
    this.#pending = [];
    for (const { reject } of pending) reject(error);
  }
}

/** The error of a call whose AbortSignal fired. */
export function abortedError(signal: AbortSignal | undefined, what: string): SshError {
  return new SshError(`${what} was aborted`, { code: 'aborted', stage: 'channel', cause: signal?.reason });
}
