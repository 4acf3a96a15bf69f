/** Forwarding with real sockets, for servers that allow it: pass these as `forwardTcp`, `forwardUnix` and `listen`. */
import { connect, createServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { connected } from '../io/index.ts';
import type { ForwardRequest, Listening, ListenRequest } from './options.ts';

/** Connects to the asked host and port. Rejects with the system's error. */
export function connectTcp(request: ForwardRequest): Promise<Duplex> {
  return connected(connect({ host: request.host, port: request.port, noDelay: true, allowHalfOpen: true }));
}

/** Connects to a Unix socket. */
export function connectUnix(path: string): Promise<Duplex> {
  return connected(connect({ path, allowHalfOpen: true }));
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
