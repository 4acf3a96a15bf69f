/** Opens the agent's socket so that nobody else can connect to it, and takes it away again. */
import { existsSync, rmdirSync, unlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { dirname, resolve } from 'node:path';
import { Ending } from '../ssh-keygen/ending.ts';
import type { SocketPath } from './socket-path.ts';

/** Connections at once; each costs a descriptor and what it has not finished sending. */
const maxConnections = 1000;

export interface Listener {
  readonly server: Server;
  /** Removes the socket, and the folder that was made for it. */
  remove(): void;
}

/** @throws Ending in OpenSSH's words where the path cannot be bound. */
export async function listen({ path, folder }: SocketPath): Promise<Listener> {
  const server = createServer();
  server.maxConnections = maxConnections;
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
    server,
    remove() {
      attempt(() => unlinkSync(absolute));
      attempt(() => folder !== undefined && rmdirSync(folder));
    },
  };
}

/** Listens on a socket that another program opened, and leaves it to that one. */
export async function listenOn(fd: number): Promise<Listener> {
  const server = createServer();
  server.maxConnections = maxConnections;
  await started(server, () => server.listen({ fd }));
  return { server, remove: () => {} };
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
