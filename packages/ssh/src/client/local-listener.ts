/** Listening on this machine for forwards: loopback addresses together, Unix sockets with their mode, no more than asked. */
import { createServer, type Server, type Socket } from 'node:net';
import type { ForwardListen } from '../config/index.ts';
import { SshError } from '../errors.ts';
import { listenOnPath, type PathListenOptions } from '../io/index.ts';

export interface LocalListenOptions extends PathListenOptions {
  /** Other machines may connect where no address was given (GatewayPorts). */
  readonly gatewayPorts?: boolean | undefined;
}

export interface LocalListener {
  /** With the port that the system chose where 0 was asked for. */
  readonly listen: ForwardListen;
  /** Stops listening; connections that stand stay. */
  close(): Promise<void>;
}

/**
 * Listens for connections.
 *
 * @throws SshError `connect-failed` where the address is taken or not allowed.
 */
export async function listenLocally(
  listen: ForwardListen,
  onConnection: (socket: Socket) => void,
  options: LocalListenOptions = {},
): Promise<LocalListener> {
  if (listen.kind === 'unix') return await listenLocallyOnPath(listen.path, onConnection, options);
  const servers: Server[] = [];
  let { port } = listen;
  const failures: unknown[] = [];
  for (const host of addressesOf(listen.host, options.gatewayPorts ?? false)) {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, onConnection);
    try {
      await bind(server, { port, ...(host !== undefined && { host }) });
      const address = server.address();
      if (typeof address === 'object' && address !== null) port = address.port;
      servers.push(server);
    } catch (error) {
      failures.push(error);
    }
  }
  if (servers.length === 0) throw cannotListen(`${listen.host ?? 'localhost'} port ${listen.port}`, failures[0]);
  return {
    listen: { ...listen, port },
    close: async () => void (await Promise.all(servers.map(close))),
  };
}

/** No address: this machine alone, by IPv4 and IPv6. `*` and an empty one: everybody. */
function addressesOf(host: string | undefined, gatewayPorts: boolean): readonly (string | undefined)[] {
  if (host === '*' || host === '' || (host === undefined && gatewayPorts)) return [undefined];
  return host === undefined || host === 'localhost' ? ['127.0.0.1', '::1'] : [host];
}

async function listenLocallyOnPath(
  path: string,
  onConnection: (socket: Socket) => void,
  options: LocalListenOptions,
): Promise<LocalListener> {
  try {
    const server = await listenOnPath(path, onConnection, options);
    return { listen: { kind: 'unix', path }, close: () => close(server) };
  } catch (error) {
    throw cannotListen(path, error);
  }
}

function bind(server: Server, where: { port: number; host?: string }): Promise<void> {
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

function cannotListen(where: string, cause: unknown): SshError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const reason = { EADDRINUSE: 'Address already in use', EACCES: 'Permission denied' }[code ?? ''] ?? message;
  return new SshError(`cannot listen to ${where}: ${reason}`, {
    code: 'connect-failed',
    stage: 'tcp',
    remedy:
      code === 'EADDRINUSE' ? 'Choose another port, or end the program that listens there.' : 'Choose another port.',
    cause,
  });
}
