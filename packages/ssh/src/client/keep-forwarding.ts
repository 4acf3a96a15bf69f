/** Forwards that outlive their connection: the listeners stay, and a connection that was lost is made anew. */
import type { Forward } from '../config/index.ts';
import { disconnectReasons, SshError, toSshError } from '../errors.ts';
import { type BackOff, backOffMs, defaultBackOff } from './back-off.ts';
import type { ClientConnection } from './client-connection.ts';
import { ForwardLedger } from './forward-ledger.ts';
import {
  activeForward,
  type ForwardOptions,
  type ForwardStatus,
  listenAndCarry,
  type MeteredForward,
} from './forwards.ts';
import type { KeptEvent } from './kept-event.ts';
import { KeptRemoteForward } from './kept-remote-forward.ts';

export interface KeepForwardingOptions {
  readonly backOff?: Partial<BackOff>;
  /** A connection that lived this long was a good one: the next loss begins with the first pause again. Default 30,000. */
  readonly settledMs?: number;
  /** The longest that one attempt to connect and log in may take. Default 120,000. */
  readonly attemptMs?: number;
  /** How long a new connection to a local forward waits for the server while it is gone. Default 10,000. */
  readonly holdMs?: number;
  /** How many may wait so; further ones are closed at once. Default 256. */
  readonly maxHeld?: number;
  readonly onEvent?: (event: KeptEvent) => void;
  /** Ends it as `close()` does. */
  readonly signal?: AbortSignal;
}

/**
 * Connects, and connects again whenever the connection is lost: with pauses that double, until it is closed or something stands in
 * the way that waiting does not mend (a refused login, a changed host key).
 *
 * @param connect - makes one connection, logged in. It is called once at the beginning, where its error is the caller's, and again
 *   after every loss. Give it a `keepalive`: without one a network that is gone is noticed late or never.
 * @example
 * const kept = await keepForwarding(() => connect('ada@example.com', { hostKeys, keepalive: { intervalMs: 15_000 } }));
 * await kept.local({ listen: { kind: 'tcp', host: undefined, port: 8080 }, target: { kind: 'tcp', host: 'db', port: 80 } });
 * for (const forward of kept.status()) console.log(forward.listen, forward.openConnections, forward.reconnects);
 */
export async function keepForwarding(
  connect: (signal: AbortSignal) => Promise<ClientConnection>,
  options: KeepForwardingOptions = {},
): Promise<KeptForwarding> {
  const abort = new AbortController();
  return new KeptForwarding(await connect(abort.signal), connect, abort, options);
}

/** See `keepForwarding`. Its connection is either up, or being made: `up --lost--> down --restored--> up`, and `ended` from both. */
export class KeptForwarding {
  /** Settles when it has ended: undefined after `close()`, else what cannot be mended. Never rejects. */
  readonly closed: Promise<SshError | undefined>;
  readonly #connect: (signal: AbortSignal) => Promise<ClientConnection>;
  readonly #abort: AbortController;
  readonly #options: KeepForwardingOptions;
  readonly #backOff: BackOff;
  readonly #forwards = new Set<MeteredForward>();
  readonly #remote = new Set<KeptRemoteForward>();
  #connection: ClientConnection;
  #state: 'up' | 'down' | 'ended' = 'up';
  #waiting = new Set<{ resolve(connection: ClientConnection): void; reject(error: SshError): void }>();
  #reconnects = 0;
  #attempt = 0;
  #upSinceMs = performance.now();

  constructor(
    connection: ClientConnection,
    connect: (signal: AbortSignal) => Promise<ClientConnection>,
    abort: AbortController,
    options: KeepForwardingOptions,
  ) {
    this.#connection = connection;
    this.#connect = connect;
    this.#abort = abort;
    this.#options = options;
    this.#backOff = { ...defaultBackOff, ...options.backOff };
    options.signal?.addEventListener('abort', () => void this.close(), { once: true });
    this.closed = this.#run();
  }

  /** The connection in use; undefined while there is none. */
  get connection(): ClientConnection | undefined {
    return this.#state === 'up' ? this.#connection : undefined;
  }

  /** Times that a lost connection was made anew. */
  get reconnects(): number {
    return this.#reconnects;
  }

  /** Every forward that stands. */
  status(): ForwardStatus[] {
    return [...this.#forwards].map((forward) => forward.status());
  }

  /**
   * Listens here for as long as this lives. Whoever connects while the server is gone waits for it a little.
   *
   * @throws SshError `connect-failed` where the address is taken.
   */
  async local(forward: Forward, options: ForwardOptions = {}): Promise<MeteredForward> {
    const ledger = new ForwardLedger();
    const before = this.#reconnects;
    const listener = await listenAndCarry(() => this.#server(), forward, options, ledger);
    void this.closed.then(() => listener.close());
    return this.#add('local', { ...forward, listen: listener.listen }, ledger, {
      bound: listener.bound,
      isUp: () => this.#state === 'up',
      reconnects: () => this.#reconnects - before,
      close: () => listener.close(),
    });
  }

  /**
   * Has the server listen, on this connection and on every later one. A port that the server chose is asked for again.
   *
   * @throws SshError `request-refused` where it does not allow it now; later refusals are events, and are tried again.
   */
  async remote(forward: Forward, options: ForwardOptions = {}): Promise<MeteredForward> {
    const ledger = new ForwardLedger();
    const kept = new KeptRemoteForward(forward, options, ledger, {
      backOff: this.#backOff,
      tell: (event) => this.#options.onEvent?.(event),
    });
    await kept.askFirst(await this.#server());
    this.#remote.add(kept);
    return this.#add('remote', forward, ledger, {
      bound: [],
      isUp: () => this.#state === 'up' && kept.isUp,
      reconnects: () => kept.restored,
      listen: () => kept.listen,
      close: async () => {
        this.#remote.delete(kept);
        await kept.close();
      },
    });
  }

  /** Ends the listening and the connection. */
  async close(): Promise<void> {
    this.#abort.abort(closedError());
    await this.#connection.close();
    await this.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #add(
    side: ForwardStatus['side'],
    forward: Forward,
    ledger: ForwardLedger,
    facts: Parameters<typeof activeForward>[3],
  ): MeteredForward {
    const active: MeteredForward = activeForward(side, forward, ledger, {
      ...facts,
      close: async () => {
        this.#forwards.delete(active);
        await facts.close();
      },
    });
    this.#forwards.add(active);
    return active;
  }

  async #run(): Promise<SshError | undefined> {
    let outcome: SshError | undefined;
    try {
      for (;;) {
        const lost = await this.#connection.closed;
        if (this.#abort.signal.aborted) break;
        const error = lost ?? closedError();
        // Closed by the program: through the connection, and not through this object.
        if (lost === undefined || !canTakeUpAgain(error)) throw error;
        this.#state = 'down';
        for (const remote of this.#remote) remote.lost();
        this.#options.onEvent?.({ kind: 'lost', error });
        await this.#restore();
      }
    } catch (error) {
      if (!this.#abort.signal.aborted) outcome = toSshError(error, { code: 'misuse', stage: 'usage' });
    }
    this.#state = 'ended';
    for (const remote of this.#remote) remote.lost();
    for (const waiting of this.#waiting) waiting.reject(outcome ?? closedError());
    return outcome;
  }

  /** Tries until there is a connection. */
  async #restore(): Promise<void> {
    const { signal } = this.#abort;
    const { settledMs = 30_000, attemptMs = 120_000, onEvent } = this.#options;
    if (performance.now() - this.#upSinceMs >= settledMs) this.#attempt = 0;
    for (;;) {
      const attempt = ++this.#attempt;
      const inMs = backOffMs(this.#backOff, attempt);
      onEvent?.({ kind: 'retrying', attempt, inMs });
      await pause(inMs, signal);
      try {
        this.#connection = await connectInTime(this.#connect, signal, attemptMs);
        break;
      } catch (cause) {
        if (signal.aborted) throw closedError();
        const error = toSshError(cause, { code: 'misuse', stage: 'usage' });
        if (!canHeal(error)) throw error;
        onEvent?.({ kind: 'failed', attempt, error });
        if (this.#backOff.attempts > 0 && attempt >= this.#backOff.attempts) throw error;
      }
    }
    if (signal.aborted) {
      await this.#connection.close();
      throw closedError();
    }
    this.#upSinceMs = performance.now();
    this.#reconnects++;
    this.#state = 'up';
    onEvent?.({ kind: 'restored', reconnects: this.#reconnects, connection: this.#connection });
    for (const waiting of [...this.#waiting]) waiting.resolve(this.#connection);
    for (const remote of this.#remote) remote.restore(this.#connection);
  }

  /** The connection for one that came in: at once, or when it stands again. */
  #server(): Promise<ClientConnection> {
    if (this.#state === 'up' && this.#connection.connection.ended === undefined)
      return Promise.resolve(this.#connection);
    const { holdMs = 10_000, maxHeld = 256 } = this.#options;
    if (this.#state === 'ended') return Promise.reject(closedError());
    if (this.#waiting.size >= maxHeld) return Promise.reject(noServer('and too many wait for it'));
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void) => {
        clearTimeout(timer);
        this.#waiting.delete(waiting);
        finish();
      };
      const waiting = {
        resolve: (connection: ClientConnection) => settle(() => resolve(connection)),
        reject: (error: SshError) => settle(() => reject(error)),
      };
      const timer = setTimeout(() => waiting.reject(noServer(`for ${holdMs / 1000} seconds now`)), holdMs);
      this.#waiting.add(waiting);
    });
  }
}

/** A connection that stood is worth another one whatever the server said at its end. */
function canTakeUpAgain(error: SshError): boolean {
  return error.code === 'disconnected' || healing.has(error.code);
}

/** Whether trying again can help: a network or a server that is gone comes back, a refusal stays one. */
function canHeal(error: SshError): boolean {
  if (error.code !== 'disconnected') return healing.has(error.code);
  // In the middle of logging in, most reasons are refusals: too many keys were tried, this address is not welcome.
  const [, reason] = /^Received disconnect: (\d+):/.exec(error.message) ?? [];
  return passing.has(Number(reason));
}

const healing: ReadonlySet<SshError['code']> = new Set([
  'dns-failed',
  'connect-failed',
  'connection-lost',
  'timeout',
  // What a line that flips bits comes to.
  'bad-mac',
  'bad-packet',
]);

const { connectionLost, byApplication, tooManyConnections } = disconnectReasons;
const passing: ReadonlySet<number> = new Set([connectionLost, byApplication, tooManyConnections]);

/** One attempt, which ends in time: a network that is lost again in the middle of a login would hold it for ever. */
async function connectInTime(
  connect: (signal: AbortSignal) => Promise<ClientConnection>,
  outer: AbortSignal,
  ms: number,
): Promise<ClientConnection> {
  const attempt = new AbortController();
  const onAbort = () => attempt.abort(outer.reason);
  if (outer.aborted) onAbort();
  outer.addEventListener('abort', onAbort, { once: true });
  const late = new SshError(`no connection came about within ${ms / 1000} seconds`, {
    code: 'timeout',
    stage: 'transport',
  });
  const timer = setTimeout(() => attempt.abort(late), ms);
  try {
    const connection = await connect(attempt.signal);
    if (!attempt.signal.aborted) return connection;
    await connection.close();
    throw late;
  } catch (error) {
    throw attempt.signal.aborted && !outer.aborted ? late : error;
  } finally {
    clearTimeout(timer);
    outer.removeEventListener('abort', onAbort);
  }
}

/** Keeps the process alive meanwhile: a program that waits for its server has not ended. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(closedError());
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}

function closedError(): SshError {
  return new SshError('the forwarding was closed', { code: 'closed', stage: 'channel' });
}

function noServer(detail: string): SshError {
  return new SshError(`there is no connection to the server, ${detail}`, {
    code: 'connection-lost',
    stage: 'channel',
    remedy: 'Connect again once the server is back.',
  });
}
