/** `sshd -i`: one connection on standard input and output, for inetd, systemd sockets and ProxyCommand. */
import { fstatSync } from 'node:fs';
import { Socket, type SocketConstructorOpts } from 'node:net';
import { Duplex, pipeline } from 'node:stream';
import { createServer, peerOf } from '@nacre/ssh/server';
import { platform } from '../../os/index.ts';
import { routingDomainOf } from '../../os/routing-domain.ts';
import { surviveErrors } from './daemon.ts';
import { closeProcesses, needsProcesses, startProcesses } from './processes/index.ts';
import { buildServerOptions, type ServerParts, workerSettings } from './server.ts';
import { LocalTunnelBooks } from './tunnel-books.ts';

/** Serves the one connection to its end. */
export async function runInetd(parts: ServerParts): Promise<number> {
  surviveErrors(parts.log);
  return needsProcesses() ? serveByProcesses(parts) : serveHere(parts);
}

async function serveHere(parts: ServerParts): Promise<number> {
  const server = createServer(buildServerOptions(parts));
  endWith(() => void server.close());
  const stream = openStandardStreams();
  const peer =
    stream instanceof Socket && stream.remoteAddress !== undefined
      ? { ...peerOf(stream), routingDomain: routingDomainOf(stream) }
      : {};
  const connection = await server.handle(stream, peer);
  await connection?.closed;
  // The last bytes, a refusal's reason say, are still on their way out.
  await server.close();
  if (!stream.closed) await new Promise((resolve) => stream.once('close', resolve));
  return connection === undefined ? 255 : 0;
}

async function serveByProcesses(parts: ServerParts): Promise<number> {
  const processes = await startProcesses(workerSettings(parts), parts.log, new LocalTunnelBooks(), 1);
  const server = createServer(buildServerOptions(parts, undefined, processes));
  endWith(() => void server.close());
  const stream = openStandardStreams();
  const { socket, passed } = stream instanceof Socket ? { socket: stream, passed: Promise.resolve() } : bridge(stream);
  try {
    const isLoggedIn = await server.accept(socket);
    await server.ended();
    await passed;
    return isLoggedIn ? 0 : 255;
  } finally {
    await closeProcesses(processes);
  }
}

/** A socket that stands for a stream: only sockets go to other processes. */
function bridge(stream: Duplex): { socket: Socket; passed: Promise<void> } {
  const [ours, theirs] = platform().openSocketPair();
  const near = new Socket({ fd: ours, readable: true, writable: true, allowHalfOpen: true });
  pipeline(stream, near, () => {});
  const passed = new Promise<void>((resolve) => pipeline(near, stream, () => resolve()));
  return { socket: unread(theirs), passed };
}

/** One socket is both; anything else is two streams, a socket for each included, and the peer has no address. */
function openStandardStreams(): Duplex {
  const [input, output] = [fstatSync(0), fstatSync(1)];
  if (input.isSocket() && input.ino === output.ino) return unread(0);
  return Duplex.from({ readable: process.stdin, writable: process.stdout });
}

/** A socket of which Node reads nothing before it is asked to: whoever is to serve it reads all of it. */
function unread(fd: number): Socket {
  const options = { fd, readable: true, writable: true, allowHalfOpen: true, pauseOnCreate: true };
  return new Socket(options as SocketConstructorOpts);
}

function endWith(end: () => void): void {
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(name, end);
}
