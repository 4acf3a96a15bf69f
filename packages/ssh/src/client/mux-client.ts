/** A client of a shared connection: requests to a master's control socket, and a connection through it. */
import { lstatSync, statSync } from 'node:fs';
import { connect as connectSocket, type Socket } from 'node:net';
import type { Connection } from '../connection/index.ts';
import { SshError } from '../errors.ts';
import { connected, StreamDriver, systemClock } from '../io/index.ts';
import { MuxClientSession, type MuxForward, type MuxInfoSubject, type ProxyLink, rekeyRequest } from '../mux/index.ts';
import type { ConnectionHandler } from '../transport/index.ts';
import { ClientConnection, type ClientLink } from './client-connection.ts';
import type { CallOptions, ConnectOptions } from './options.ts';

export interface MuxConnectOptions extends CallOptions {
  /** How long a master may take to answer at all. Default 10,000; a stopped one would hold us up for ever. */
  readonly timeoutMs?: number;
  /**
   * OpenSSH's master ends itself, and with it everybody's sessions, when a client goes that had a channel refused. Such a socket
   * is handed over here in place of being closed, so that somebody keeps it open; by default it stays open, and keeps nothing
   * alive, until this process ends.
   */
  readonly keepOpen?: (socket: Socket) => void;
}

export interface ShareOptions extends Pick<ConnectOptions, 'keepalive' | 'limits' | 'log'> {
  /** What the connection says of itself as its `target`; the master knows better, and does not tell. */
  readonly target?: Partial<ClientConnection['target']>;
}

/** A conversation with a master. */
export interface MuxClient {
  /** Whether it lives. Gives its process id. */
  aliveCheck(): Promise<number>;
  /** Has it end its connection. */
  terminate(): Promise<void>;
  /** Has it take no more clients. */
  stopListening(): Promise<void>;
  /** Has it open a forward; gives the port that the server chose where 0 was asked for. */
  openForward(forward: MuxForward): Promise<number | undefined>;
  closeForward(forward: MuxForward): Promise<void>;
  /** A text for people about its connection or its channels. */
  describe(subject: MuxInfoSubject): Promise<string>;
  /**
   * Makes this conversation a connection through the master; requests are over then. It may take as long as somebody needs
   * to confirm it.
   */
  share(options?: ShareOptions): Promise<ClientConnection>;
  /** Settles when the socket is closed, with the error where the master did it. */
  readonly closed: Promise<SshError | undefined>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const defaultTimeoutMs = 10_000;

/**
 * Connects to the control socket of a master (ControlPath).
 *
 * @throws SshError `connect-failed`, with the system's error as its cause: ENOENT where there is no socket, ECONNREFUSED where
 *   its master is gone; without a cause where the socket is another user's; `timeout` where it does not answer.
 * @example
 * await using master = await connectMux('/run/user/1000/ssh-web');
 * console.log(`Master running (pid=${await master.aliveCheck()})`);
 */
export async function connectMux(path: string, options: MuxConnectOptions = {}): Promise<MuxClient> {
  requireOwnSocket(path);
  const { session, socket } = await greet(path, options);
  const close = async (): Promise<void> => {
    session.close();
    await session.closed;
  };
  return {
    aliveCheck: () => session.aliveCheck(),
    terminate: () => session.terminate(),
    stopListening: () => session.stopListening(),
    openForward: (forward) => session.openForward(forward),
    closeForward: (forward) => session.closeForward(forward),
    describe: (subject) => session.describe(subject),
    share: async (shareOptions = {}) => connectionOver(await session.startProxy(), socket, path, shareOptions),
    closed: session.closed,
    close,
    [Symbol.asyncDispose]: close,
  };
}

export interface ThroughMasterOptions extends MuxConnectOptions, ShareOptions {}

/**
 * Connects through a master: commands, shells, tunnels and sftp go over the connection it has, without a login. The master may be
 * OpenSSH's (`ssh -M -S path -N host`) or nacre's.
 *
 * Over OpenSSH's, `listen()` cannot choose port 0 or learn of a refusal, and `listenUnix()` is refused: it hands on no
 * answers to such requests. Ask it for the forward itself with `connectMux(path).openForward`.
 *
 * @throws SshError as connectMux; `request-refused` where the master does not share its connection.
 * @example
 * await using server = await connectThroughMaster('/run/user/1000/ssh-web');
 * const { stdout } = await server.exec('uptime');
 */
export async function connectThroughMaster(
  path: string,
  options: ThroughMasterOptions = {},
): Promise<ClientConnection> {
  requireOwnSocket(path);
  const { session, socket } = await greet(path, options);
  const link = await deadline(session.startProxy(), path, options, () => session.close());
  return connectionOver(link, socket, path, options);
}

function connectionOver(link: ProxyLink, socket: Socket, path: string, options: ShareOptions): ClientConnection {
  const { host = path, port = 0, user = '' } = options.target ?? {};
  return new ClientConnection(new MasterLink(link), socket, {
    target: { host, port, user },
    address: undefined,
    login: { methods: [], proved: false, banner: undefined },
    options,
  });
}

/**
 * A socket that somebody else put in the way of ours would get all that is typed and could answer as it likes; a link of
 * theirs could lead to a master of ours for another host.
 */
function requireOwnSocket(path: string): void {
  const own = process.getuid?.();
  if (own === undefined) return;
  for (const find of [lstatSync, statSync]) {
    const owner = ownerOf(path, find);
    if (owner === undefined || owner === own || owner === 0) continue;
    throw new SshError(`Control socket ${path} belongs to another user (uid ${owner})`, {
      code: 'connect-failed',
      stage: 'config',
      remedy: 'Set ControlPath to a place in a folder of your own: ~/.ssh/control-%C.',
    });
  }
}

/** Undefined where the path leads nowhere: connecting says why. */
function ownerOf(path: string, find: typeof lstatSync): number | undefined {
  try {
    return find(path, { throwIfNoEntry: false })?.uid;
  } catch {
    return undefined;
  }
}

async function greet(path: string, options: MuxConnectOptions): Promise<{ session: MuxClientSession; socket: Socket }> {
  const socket = await open(path, options);
  const driver = new StreamDriver(socket);
  const { keepOpen = (left: Socket) => void left.unref() } = options;
  const session = new MuxClientSession(driver, systemClock, () => keepOpen(socket));
  driver.drive(session);
  await deadline(session.greeted, path, options, () => session.close());
  return { session, socket };
}

async function open(path: string, { signal }: MuxConnectOptions): Promise<Socket> {
  if (signal?.aborted) throw abortedError(path, signal);
  try {
    return await connected(connectSocket({ path }), signal);
  } catch (error) {
    throw signal?.aborted ? abortedError(path, signal) : cannotConnect(path, error as Error);
  }
}

async function deadline<T>(
  answer: Promise<T>,
  path: string,
  { signal, timeoutMs = defaultTimeoutMs }: MuxConnectOptions,
  giveUp: () => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const fail = (error: unknown): void => {
      stop();
      giveUp();
      reject(error as Error);
    };
    const onAbort = (): void => fail(abortedError(path, signal));
    const timer = timeoutMs > 0 ? setTimeout(() => fail(tooSlow(path, timeoutMs)), timeoutMs) : undefined;
    const stop = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    answer.then((value) => {
      stop();
      resolve(value);
    }, fail);
  });
}

/** A proxy link where ClientConnection looks for a transport. What only a transport knows is not known here. */
class MasterLink implements ClientLink {
  readonly role = 'client';
  readonly peerIdentification = '';
  readonly roundTripMs = undefined;
  readonly negotiated = undefined;
  readonly peerExtensions: ReadonlyMap<string, Buffer> = new Map();
  readonly #link: ProxyLink;

  constructor(link: ProxyLink) {
    this.#link = link;
  }

  get ready(): boolean {
    return this.#link.ready;
  }

  get hostKey(): never {
    throw masterKnows('the host key');
  }

  get hostKeySignature(): never {
    throw masterKnows('the host key');
  }

  get sessionId(): never {
    throw masterKnows('the session id');
  }

  send(head: Uint8Array, body?: Uint8Array): void {
    this.#link.send(head, body);
  }

  ping(done: () => void): boolean {
    return this.#link.ping(done);
  }

  fail(error: SshError): void {
    this.#link.fail(error);
  }

  attach(handler: ConnectionHandler): void {
    this.#link.attach(handler);
  }

  /** A master of ours does it for us; OpenSSH's has no ear for it in proxy mode. */
  async rekey(connection: Connection): Promise<void> {
    if (!this.#link.takesRequests) throw masterKnows('the keys');
    const answer = await connection.globalRequest(rekeyRequest, Buffer.alloc(0));
    if (answer === undefined) throw masterKnows('the keys');
  }
}

function masterKnows(what: string): SshError {
  return new SshError(`${what} of a shared connection are the master's affair`, {
    code: 'unsupported',
    stage: 'transport',
    remedy: 'Make a connection of your own where you need this.',
  });
}

function cannotConnect(path: string, cause: Error): SshError {
  const { code } = cause as NodeJS.ErrnoException;
  const reason =
    { ENOENT: 'No such file or directory', ECONNREFUSED: 'Connection refused', EACCES: 'Permission denied' }[
      code ?? ''
    ] ?? cause.message;
  return new SshError(`Control socket connect(${path}): ${reason}`, {
    code: 'connect-failed',
    stage: 'tcp',
    remedy: 'Check that a master runs there: ssh -O check.',
    cause,
  });
}

function tooSlow(path: string, timeoutMs: number): SshError {
  return new SshError(`the master at ${path} did not answer within ${timeoutMs} ms`, {
    code: 'timeout',
    stage: 'channel',
    side: 'peer',
    remedy: 'Check whether it is stopped, or waits for somebody to confirm.',
  });
}

function abortedError(path: string, signal: AbortSignal | undefined): SshError {
  if (signal?.reason instanceof SshError) return signal.reason;
  return new SshError(`connecting to the master at ${path} was aborted`, {
    code: 'aborted',
    stage: 'tcp',
    cause: signal?.reason,
  });
}
