/** Forwards between this machine and the server's: TCP, Unix sockets and SOCKS, in both directions. */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Forward, ForwardListen, ForwardTarget } from '../config/index.ts';
import { SshError } from '../errors.ts';
import type { ClientConnection } from './client-connection.ts';
import { ForwardLedger, type ForwardTraffic } from './forward-ledger.ts';
import {
  carry,
  connectHere,
  type Destination,
  type ForwardedConnection,
  type ForwardHooks,
} from './forwarded-connection.ts';
import { type BoundAddress, type LocalListenOptions, listenLocally } from './local-listener.ts';

export interface ForwardOptions extends LocalListenOptions, ForwardHooks {
  readonly signal?: AbortSignal;
  /** Which targets a remote SOCKS forward may reach from here (PermitRemoteOpen); default all. */
  readonly permitRemoteOpen?: (host: string, port: number) => boolean;
}

/** How a forward fares. */
export interface ForwardStatus extends ForwardTraffic {
  /** Who listens: this machine (`-L`, `-D`) or the server's (`-R`). */
  readonly side: 'local' | 'remote';
  readonly listen: ForwardListen;
  readonly target: ForwardTarget;
  /** When it was first opened. */
  readonly since: Date;
  /** False while there is no connection to the server, or it does not listen. */
  readonly isUp: boolean;
  /** How often it was taken up again on another connection; see `keepForwarding`. */
  readonly reconnects: number;
}

/** A forward that stands. */
export interface ActiveForward {
  /** With the port that was chosen where 0 was asked for. */
  readonly listen: ForwardListen;
  /** Ends the listening; connections that stand go on until they end or the SSH connection does. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** One that counts what it carries. */
export interface MeteredForward extends ActiveForward {
  /** The addresses of this machine that it came to; empty for a Unix socket and for a remote forward. */
  readonly bound: readonly BoundAddress[];
  status(): ForwardStatus;
}

/**
 * Listens here and has the server connect (`-L`, `-D`).
 *
 * @throws SshError `connect-failed` where the address here is taken; its cause is a `ListenFailure`.
 */
export async function forwardLocal(
  server: ClientConnection,
  forward: Forward,
  options: ForwardOptions = {},
): Promise<MeteredForward> {
  const ledger = new ForwardLedger();
  const listener = await listenAndCarry(async () => server, forward, options, ledger);
  void server.closed.then(() => listener.close());
  return activeForward('local', { ...forward, listen: listener.listen }, ledger, {
    bound: listener.bound,
    isUp: () => server.connection.ended === undefined,
    close: listener.close,
  });
}

/** The listening half of a local forward; the server is asked for with every connection. */
export function listenAndCarry(
  server: () => Promise<ClientConnection>,
  { listen, target }: Forward,
  options: ForwardOptions,
  ledger: ForwardLedger,
): ReturnType<typeof listenLocally> {
  const accept = (socket: Socket): void => {
    const from = { address: socket.remoteAddress ?? '127.0.0.1', port: socket.remotePort ?? 0 };
    const own = { address: socket.localAddress ?? '127.0.0.1', port: socket.localPort ?? 0 };
    const open = async (to: Destination) => openOnServer(await server(), to, from, labelOf(listen, to, from, own));
    carry(socket, { ...options, target, from, ledger, localEnd: 'came', open });
  };
  return listenLocally(listen, accept, options);
}

/**
 * Has the server listen, and connects from here (`-R`).
 *
 * @throws SshError `request-refused` where the server does not allow it.
 */
export async function forwardRemote(
  server: ClientConnection,
  forward: Forward,
  options: ForwardOptions = {},
): Promise<MeteredForward> {
  const ledger = new ForwardLedger();
  const listener = await askAndCarry(server, forward, options, ledger);
  return activeForward('remote', { ...forward, listen: listener.listen }, ledger, {
    bound: [],
    isUp: () => server.connection.ended === undefined,
    close: listener.close,
  });
}

/** The server's half of a remote forward, on one connection. */
export async function askAndCarry(
  server: ClientConnection,
  { listen, target }: Forward,
  options: ForwardOptions,
  ledger: ForwardLedger,
): Promise<{ readonly listen: ForwardListen; close(): Promise<void> }> {
  const accept = (stream: Duplex, from: ForwardedConnection['from']): void => {
    const open = async (to: Destination) => {
      requirePermitted(target, to, options);
      return connectHere(to);
    };
    carry(stream, { ...options, target, from, ledger, localEnd: 'opened', open });
  };
  if (listen.kind === 'unix') {
    const listener = await server.listenUnix(listen.path, accept, options);
    return { listen, close: () => listener.close() };
  }
  // An empty name asks for every address, as the server's GatewayPorts allows; "localhost" for its loopback ones.
  const address = listen.host === undefined ? 'localhost' : listen.host === '*' ? '' : listen.host;
  const listener = await server.listen(address, listen.port, accept, options);
  return { listen: { ...listen, port: listener.port }, close: () => listener.close() };
}

/** What is the same of every forward that stands. */
export function activeForward(
  side: ForwardStatus['side'],
  forward: Forward,
  ledger: ForwardLedger,
  facts: {
    readonly bound: readonly BoundAddress[];
    readonly isUp: () => boolean;
    readonly reconnects?: () => number;
    readonly listen?: () => ForwardListen;
    close(): Promise<void>;
  },
): MeteredForward {
  const since = new Date();
  const close = (): Promise<void> => facts.close();
  return {
    get listen() {
      return facts.listen?.() ?? forward.listen;
    },
    bound: facts.bound,
    status() {
      return {
        side,
        listen: this.listen,
        target: forward.target,
        since,
        isUp: facts.isUp(),
        reconnects: facts.reconnects?.() ?? 0,
        ...ledger.traffic,
      };
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function openOnServer(
  server: ClientConnection,
  to: Destination,
  originator: ForwardedConnection['from'],
  label: string,
): Promise<Duplex> {
  if (to.kind === 'unix') return server.forwardUnix(to.path, { label });
  return server.forwardTcp(to.host, to.port, { originator, label });
}

/** As OpenSSH's lists have it, which people know how to read. */
function labelOf(
  listen: ForwardListen,
  to: Destination,
  from: ForwardedConnection['from'],
  own: ForwardedConnection['from'],
): string {
  const target = to.kind === 'unix' ? `${to.path} port -2` : `${to.host} port ${to.port}`;
  if (listen.kind === 'unix') return `direct-tcpip: listening port -2 for ${target}, connect from ${listen.path}`;
  const ends = `from ${from.address} port ${from.port} to ${own.address} port ${own.port}`;
  return `direct-tcpip: listening port ${listen.port || own.port} for ${target}, connect ${ends}`;
}

function requirePermitted(target: ForwardTarget, to: Destination, { permitRemoteOpen }: ForwardOptions): void {
  if (target.kind !== 'socks' || to.kind !== 'tcp' || permitRemoteOpen?.(to.host, to.port) !== false) return;
  throw new SshError(`a connection to ${to.host} port ${to.port} is not permitted from here`, {
    code: 'request-refused',
    stage: 'channel',
    remedy: 'PermitRemoteOpen lists what programs on the server may reach from here.',
  });
}
