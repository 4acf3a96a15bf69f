/** Listening on this machine for forwards: every address that OpenSSH would take, Unix sockets with their mode, no more than asked. */
import { promises as dns } from 'node:dns';
import { statSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { ForwardListen } from '../config/index.ts';
import { SshError } from '../errors.ts';
import { listenOnPath, type PathListenOptions, tapAccepted, tappedServer } from '../io/index.ts';

export interface LocalListenOptions extends PathListenOptions {
  /** Other machines may connect where no address was given (GatewayPorts). */
  readonly gatewayPorts?: boolean | undefined;
  /** Listen on IPv4 or IPv6 only. */
  readonly family?: 4 | 6 | undefined;
}

/** An address that is listened on. */
export interface BoundAddress {
  readonly address: string;
  readonly port: number;
}

export interface LocalListener {
  /** With the port that the system chose where 0 was asked for. */
  readonly listen: ForwardListen;
  /** What this came to; empty for a Unix socket. */
  readonly bound: readonly BoundAddress[];
  /** Stops listening; connections that stand stay. */
  close(): Promise<void>;
}

/** Why an address could not be listened on: the `cause` of the error. */
export interface ListenFailure {
  /** The address or path; where a name was not found, the name. */
  readonly address: string;
  readonly step: 'lookup' | 'bind';
  /** The system's words: `Address already in use`. */
  readonly reason: string;
}

/**
 * Listens for connections.
 *
 * @throws SshError `connect-failed` where no address could be had; its cause is a `ListenFailure`.
 */
export async function listenLocally(
  listen: ForwardListen,
  onConnection: (socket: Socket) => void,
  options: LocalListenOptions = {},
): Promise<LocalListener> {
  if (listen.kind === 'unix') return await listenLocallyOnPath(listen.path, onConnection, options);
  const servers: Server[] = [];
  const bound: BoundAddress[] = [];
  let { port } = listen;
  let failure: ListenFailure = { address: listen.host ?? '', step: 'bind', reason: 'no address of this family' };
  for (const address of await addressesOf(listen.host, port, options)) {
    const server = createServer({ allowHalfOpen: true, noDelay: true, ...tappedServer }, (accepted) => {
      onConnection(tapAccepted(accepted));
    });
    try {
      // Each family by itself: "::" must not take the port of IPv4 along, or be refused because of it.
      await bind(server, { port, host: address, ipv6Only: true });
      const found = server.address();
      if (typeof found === 'object' && found !== null) port = found.port;
      servers.push(server);
      bound.push({ address, port });
    } catch (error) {
      failure = { address, step: 'bind', reason: bindReason(error) };
    }
  }
  if (servers.length === 0) throw cannotListen(`${failure.address} port ${listen.port}`, failure);
  return { listen: { ...listen, port }, bound, close: async () => void (await Promise.all(servers.map(close))) };
}

const loopback = ['::1', '127.0.0.1'] as const;
const everywhere = ['0.0.0.0', '::'] as const;

/**
 * No address, or "localhost": this machine alone. `*` and an empty one: everybody. Otherwise all that the name stands for. In the
 * C library's order, since it is the last one whose failure is told.
 */
async function addressesOf(
  host: string | undefined,
  port: number,
  { gatewayPorts = false, family }: LocalListenOptions,
): Promise<readonly string[]> {
  const ofFamily = (all: readonly string[]) =>
    family === undefined ? all : all.filter((address) => address.includes(':') === (family === 6));
  if (host === '*' || host === '' || (host === undefined && gatewayPorts)) return ofFamily(everywhere);
  // The port that the system chooses is chosen for IPv4, which more programs look for.
  if (host === undefined || host === 'localhost') return ofFamily(port === 0 ? [...loopback].reverse() : loopback);
  try {
    const found = await dns.lookup(host, { all: true, ...(family !== undefined && { family }) });
    return [...new Set(found.map(({ address }) => address))];
  } catch {
    throw cannotListen(host, { address: host, step: 'lookup', reason: 'Name or service not known' });
  }
}

async function listenLocallyOnPath(
  path: string,
  onConnection: (socket: Socket) => void,
  options: LocalListenOptions,
): Promise<LocalListener> {
  try {
    const server = await listenOnPath(path, onConnection, options);
    return { listen: { kind: 'unix', path }, bound: [], close: () => close(server) };
  } catch (error) {
    throw cannotListen(path, { address: path, step: 'bind', reason: pathReason(error, path) });
  }
}

function bind(server: Server, where: { port: number; host: string; ipv6Only: boolean }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.off('error', reject);
      // Out of descriptors, say: the next connection may find some again.
      server.on('error', () => {});
      resolve();
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    // The callback waits for connections that stand, which go on.
    server.close();
    resolve();
  });
}

/** The C library's words, which people and scripts look for. */
const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'Address already in use',
  EADDRNOTAVAIL: 'Cannot assign requested address',
  EACCES: 'Permission denied',
  EAFNOSUPPORT: 'Address family not supported by protocol',
  ENAMETOOLONG: 'File name too long',
  ENOENT: 'No such file or directory',
  ENOTDIR: 'Not a directory',
};

function bindReason(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return reasons[code] ?? message;
}

/** libuv says "permission denied" for a folder that is not there. */
function pathReason(error: unknown, path: string): string {
  const isFolderMissing = statSync(dirname(path), { throwIfNoEntry: false }) === undefined;
  if ((error as NodeJS.ErrnoException).code === 'EACCES' && isFolderMissing) return reasons.ENOENT as string;
  return bindReason(error);
}

function cannotListen(where: string, failure: ListenFailure): SshError {
  const remedies: Readonly<Record<string, string>> = {
    'Address already in use': 'Choose another port, or end the program that listens there.',
    'Permission denied': 'Choose a port above 1023, or a folder that you may write to.',
  };
  return new SshError(`cannot listen to ${where}: ${failure.reason}`, {
    code: 'connect-failed',
    stage: 'tcp',
    remedy: remedies[failure.reason] ?? 'Choose another address or port.',
    cause: failure,
  });
}
