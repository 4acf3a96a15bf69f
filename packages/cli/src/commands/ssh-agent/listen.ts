/** Opens the agent's socket so that nobody else can connect to it, and takes it away again. */
import { existsSync, rmdirSync, unlinkSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname, resolve } from 'node:path';
import { Ending } from '../ssh-keygen/ending.ts';
import type { SocketPath } from './socket-path.ts';

/** Connections at once; each costs a descriptor and what it has not finished sending. */
const maxConnections = 1000;

export interface Listener {
  /** Who takes connections, from now on and those that came before. */
  serve(onConnection: (socket: Socket) => void, onError: (error: Error) => void): void;
  /** Removes the socket, and the folder that was made for it. */
  remove(): void;
}

/** @throws Ending in OpenSSH's words where the path cannot be bound. */
export async function listen({ path, folder }: SocketPath): Promise<Listener> {
  const server = createServer();
  const serve = prepare(server);
  // The socket is made with its mode: set afterwards, it would be open to others for a moment.
  const before = process.umask(0o177);
  try {
    await started(server, () => server.listen(path));
  } catch (error) {
    attempt(() => folder !== undefined && rmdirSync(folder));
    throw new Ending(`unix_listener: cannot bind to path ${path}: ${describe(error, path)}`, 1);
  } finally {
    process.umask(before);
  }
  // Absolute: the agent leaves the folder that it was started in.
  const absolute = resolve(path);
  return {
    serve,
    remove() {
      attempt(() => unlinkSync(absolute));
      attempt(() => folder !== undefined && rmdirSync(folder));
    },
  };
}

/** Listens on a socket that another program opened, and leaves it to that one. */
export async function listenOn(fd: number): Promise<Listener> {
  const server = createServer();
  const serve = prepare(server);
  await started(server, () => server.listen({ fd }));
  return { serve, remove: () => {} };
}

/** Connections that come before somebody takes them wait unread: the library is loaded only when the socket is there. */
function prepare(server: Server): Listener['serve'] {
  server.maxConnections = maxConnections;
  const early: Socket[] = [];
  let take = (socket: Socket): unknown => early.push(socket);
  server.on('connection', (socket) => {
    // A socket without a listener for its errors ends the process.
    socket.on('error', () => {});
    take(socket);
  });
  return (onConnection, onError) => {
    server.on('error', onError);
    take = onConnection;
    for (const socket of early.splice(0)) onConnection(socket);
  };
}

function started(server: Server, listenNow: () => void): Promise<void> {
  return new Promise((settle, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      settle();
    });
    listenNow();
  });
}

function describe(error: unknown, path: string): string {
  const { code = '' } = error as NodeJS.ErrnoException;
  // libuv says EACCES for a folder that is not there, as Windows does.
  const isMissing = code === 'EACCES' && !existsSync(dirname(path));
  return words[isMissing ? 'ENOENT' : code] ?? code;
}

const words: Readonly<Record<string, string>> = {
  EADDRINUSE: 'Address already in use',
  ENOENT: 'No such file or directory',
  EACCES: 'Permission denied',
  EPERM: 'Operation not permitted',
  ENOTDIR: 'Not a directory',
  EROFS: 'Read-only file system',
  EINVAL: 'Invalid argument',
};

function attempt(action: () => unknown): void {
  try {
    action();
  } catch {
    // Gone already.
  }
}
