/** Forwards between this machine and the server's: TCP, Unix sockets and SOCKS, in both directions. */
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Forward, ForwardListen, ForwardTarget } from '../config/index.ts';
import { SshError, toSshError } from '../errors.ts';
import { formatSocksReply, SocksHandshake, type SocksOutcome, type SocksRequest } from '../forward/index.ts';
import { join } from '../io/index.ts';
import type { ClientConnection } from './client-connection.ts';
import { type LocalListenOptions, listenLocally } from './local-listener.ts';

/** Where a forwarded connection came from, and where it was to go. */
export interface ForwardedConnection {
  readonly from: { readonly address: string; readonly port: number };
  readonly to: Exclude<ForwardTarget, { kind: 'socks' }> | undefined;
}

export interface ForwardOptions extends LocalListenOptions {
  readonly signal?: AbortSignal;
  /** Which targets a remote SOCKS forward may reach from here (PermitRemoteOpen); default all. */
  readonly permitRemoteOpen?: (host: string, port: number) => boolean;
  readonly onConnection?: (connection: ForwardedConnection) => void;
  /** A connection that was told by `onConnection` has ended, whatever came of it. */
  readonly onEnd?: (connection: ForwardedConnection) => void;
  /** A connection that could not be carried on; the others are not disturbed. */
  readonly onFailure?: (error: SshError, connection: ForwardedConnection) => void;
}

/** A forward that stands. */
export interface ActiveForward {
  /** With the port that was chosen where 0 was asked for. */
  readonly listen: ForwardListen;
  /** Ends the listening; connections that stand go on until they end or the SSH connection does. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Listens here and has the server connect (`-L`, `-D`).
 *
 * @throws SshError `connect-failed` where the address here is taken.
 */
export async function forwardLocal(
  server: ClientConnection,
  { listen, target }: Forward,
  options: ForwardOptions = {},
): Promise<ActiveForward> {
  const accept = (socket: Socket): void => {
    const from = { address: socket.remoteAddress ?? '127.0.0.1', port: socket.remotePort ?? 0 };
    const own = { address: socket.localAddress ?? '127.0.0.1', port: socket.localPort ?? 0 };
    carry(socket, from, target, options, (to) => openOnServer(server, to, from, labelOf(listen, to, from, own)));
  };
  const listener = await listenLocally(listen, accept, options);
  void server.closed.then(() => listener.close());
  return activeForward(listener.listen, () => listener.close());
}

/**
 * Has the server listen, and connects from here (`-R`).
 *
 * @throws SshError `request-refused` where the server does not allow it.
 */
export async function forwardRemote(
  server: ClientConnection,
  { listen, target }: Forward,
  options: ForwardOptions = {},
): Promise<ActiveForward> {
  const accept = (stream: Duplex, from: ForwardedConnection['from']): void => {
    carry(stream, from, target, options, (to) => {
      if (target.kind === 'socks' && to.kind === 'tcp' && options.permitRemoteOpen?.(to.host, to.port) === false) {
        throw new SshError(`a connection to ${to.host} port ${to.port} is not permitted from here`, {
          code: 'request-refused',
          stage: 'channel',
        });
      }
      return connectHere(to);
    });
  };
  if (listen.kind === 'unix') {
    const listener = await server.listenUnix(listen.path, accept, options);
    return activeForward(listen, () => listener.close());
  }
  // An empty name asks for every address, as the server's GatewayPorts allows; "localhost" for its loopback ones.
  const address =
    listen.host === undefined ? (options.gatewayPorts ? '' : 'localhost') : listen.host === '*' ? '' : listen.host;
  const listener = await server.listen(address, listen.port, accept, options);
  return activeForward({ ...listen, port: listener.port }, () => listener.close());
}

type Open = (to: Exclude<ForwardTarget, { kind: 'socks' }>) => Promise<Duplex>;

/** One connection from its first byte to its last. Whatever happens to it, the forward goes on. */
function carry(
  stream: Duplex,
  from: ForwardedConnection['from'],
  target: ForwardTarget,
  options: ForwardOptions,
  open: Open,
): void {
  // Errors come from whichever end breaks first, and end the other.
  stream.on('error', () => {});
  const attempt = async (): Promise<void> => {
    const socks = target.kind === 'socks' ? await readSocks(stream) : undefined;
    const to = socks === undefined ? (target as Exclude<ForwardTarget, { kind: 'socks' }>) : targetOf(socks);
    const connection = { from, to };
    options.onConnection?.(connection);
    let other: Duplex;
    try {
      other = await open(to);
    } catch (cause) {
      options.onEnd?.(connection);
      if (socks !== undefined) stream.end(formatSocksReply(socks, outcomeOf(cause)));
      throw cause;
    }
    if (stream.destroyed) {
      other.destroy();
      options.onEnd?.(connection);
      return;
    }
    whenBothClosed(stream, other, () => options.onEnd?.(connection));
    if (socks !== undefined) stream.write(formatSocksReply(socks, 'granted'));
    join(stream, other);
  };
  attempt().catch((cause: unknown) => {
    if (!stream.writableEnded) stream.destroy();
    options.onFailure?.(toSshError(cause, { code: 'connect-failed', stage: 'channel' }), { from, to: undefined });
  });
}

function whenBothClosed(a: Duplex, b: Duplex, tell: () => void): void {
  let open = 2;
  for (const stream of [a, b]) {
    stream.once('close', () => {
      open--;
      if (open === 0) tell();
    });
  }
}

function openOnServer(
  server: ClientConnection,
  to: Exclude<ForwardTarget, { kind: 'socks' }>,
  originator: ForwardedConnection['from'],
  label: string,
): Promise<Duplex> {
  if (to.kind === 'unix') return server.forwardUnix(to.path, { label });
  return server.forwardTcp(to.host, to.port, { originator, label });
}

/** As OpenSSH's lists have it, which people know how to read. */
function labelOf(
  listen: ForwardListen,
  to: Exclude<ForwardTarget, { kind: 'socks' }>,
  from: ForwardedConnection['from'],
  own: ForwardedConnection['from'],
): string {
  const target = to.kind === 'unix' ? `${to.path} port -2` : `${to.host} port ${to.port}`;
  if (listen.kind === 'unix') return `direct-tcpip: listening port -2 for ${target}, connect from ${listen.path}`;
  const ends = `from ${from.address} port ${from.port} to ${own.address} port ${own.port}`;
  return `direct-tcpip: listening port ${listen.port || own.port} for ${target}, connect ${ends}`;
}

function connectHere(to: Exclude<ForwardTarget, { kind: 'socks' }>): Promise<Duplex> {
  const socket =
    to.kind === 'unix'
      ? connect({ path: to.path, allowHalfOpen: true })
      : connect({ host: to.host, port: to.port, noDelay: true, allowHalfOpen: true });
  return new Promise((resolve, reject) => {
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

/** Reads a SOCKS request and leaves what follows it in the stream. Rejects where it is none, or the client has gone. */
function readSocks(stream: Duplex): Promise<SocksRequest> {
  const handshake = new SocksHandshake();
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      stream.off('data', take).off('close', gone).off('end', gone);
      stream.pause();
    };
    const gone = (): void => {
      stop();
      reject(new SshError('the SOCKS client has gone', { code: 'connection-lost', stage: 'channel', side: 'peer' }));
    };
    const take = (chunk: Buffer): void => {
      try {
        const { reply, request, rest } = handshake.receive(chunk);
        if (reply !== undefined) stream.write(reply);
        if (request === undefined) return;
        stop();
        if (rest.length > 0) stream.unshift(rest);
        resolve(request);
      } catch (error) {
        stop();
        reject(error as Error);
      }
    };
    stream.on('data', take).once('close', gone).once('end', gone);
  });
}

function targetOf({ host, port }: SocksRequest): { kind: 'tcp'; host: string; port: number } {
  return { kind: 'tcp', host, port };
}

function outcomeOf(cause: unknown): SocksOutcome {
  const { code } = cause as { code?: string };
  if (code === 'request-refused') return 'not-allowed';
  return code === 'ECONNREFUSED' || code === 'channel-open-refused' ? 'refused' : 'unreachable';
}

function activeForward(listen: ForwardListen, close: () => Promise<void>): ActiveForward {
  return { listen, close, [Symbol.asyncDispose]: close };
}
