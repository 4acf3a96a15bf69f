/** Forwarding with real sockets, for servers that allow it: pass these as `forwardTcp`, `forwardUnix` and `listen`. */
import { createServer, type LookupFunction } from 'node:net';
import type { Duplex } from 'node:stream';
import { connected, connectTapped } from '../io/index.ts';
import type { ForwardRequest, Listening, ListenRequest } from './options.ts';

/** An address that a host has been found at. */
interface FoundAddress {
  readonly address: string;
  readonly family: number;
}

/** Connects to the asked host and port. Rejects with the system's error. */
export function connectTcp(request: ForwardRequest): Promise<Duplex> {
  return connected(connectTapped(optionsFor(request)));
}

/**
 * The same for a host that has been looked up: nothing is looked up again, so that a name that was judged by its addresses leads
 * to one of these.
 *
 * @example
 * connectTcpAmong(request, (await lookup(request.host, { all: true })).filter(isAllowed));
 */
export function connectTcpAmong(request: ForwardRequest, addresses: readonly FoundAddress[]): Promise<Duplex> {
  return connected(connectTapped({ ...optionsFor(request), lookup: among(addresses) }));
}

function optionsFor({ host, port }: ForwardRequest) {
  return { host, port, noDelay: true, allowHalfOpen: true };
}

function among(addresses: readonly FoundAddress[]): LookupFunction {
  return (host, options, done) => {
    const [first] = addresses;
    if (first === undefined) done(new Error(`no address of ${host} may be reached`), '');
    else if (options.all) done(null, [...addresses]);
    else done(null, first.address, first.family);
  };
}

/** Connects to a Unix socket. */
export function connectUnix(path: string): Promise<Duplex> {
  return connected(connectTapped({ path, allowHalfOpen: true }));
}

/**
 * Listens for the client on the loopback interface, whatever address it asked for (GatewayPorts no).
 *
 * @returns undefined where the port is taken or not allowed.
 */
export function listenOnLoopback(request: ListenRequest): Promise<Listening | undefined> {
  return new Promise((resolve) => {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      request.onConnection(socket, { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 });
    });
    server.once('error', () => resolve(undefined));
    server.listen(request.port, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : request.port;
      resolve({ port, close: () => void server.close() });
    });
  });
}
