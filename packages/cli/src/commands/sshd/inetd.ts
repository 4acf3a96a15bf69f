/** `sshd -i`: one connection on standard input and output, for inetd, systemd sockets and ProxyCommand. */
import { fstatSync } from 'node:fs';
import { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { peerOf } from '@nacre/ssh/server';
import { surviveErrors } from './daemon.ts';
import type { ServerParts } from './server.ts';
import { buildServer } from './server.ts';

/** Serves the one connection to its end. */
export async function runInetd(parts: ServerParts): Promise<number> {
  surviveErrors(parts.log);
  const server = buildServer(parts);
  const { stream, peer } = openStandardStreams();
  const end = () => void server.close();
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(name, end);
  const connection = await server.handle(stream, peer);
  await connection?.closed;
  // The last bytes, a refusal's reason say, are still on their way out.
  await server.close();
  if (!stream.closed) await new Promise((resolve) => stream.once('close', resolve));
  return connection === undefined ? 255 : 0;
}

/** One socket is both; anything else is two streams, a socket for each included, and the peer has no address. */
function openStandardStreams(): { stream: Duplex; peer: object } {
  const [input, output] = [fstatSync(0), fstatSync(1)];
  if (input.isSocket() && input.ino === output.ino) {
    const socket = new Socket({ fd: 0, readable: true, writable: true, allowHalfOpen: true });
    return { stream: socket, peer: socket.remoteAddress === undefined ? {} : peerOf(socket) };
  }
  return { stream: Duplex.from({ readable: process.stdin, writable: process.stdout }), peer: {} };
}
