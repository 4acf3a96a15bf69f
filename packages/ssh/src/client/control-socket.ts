/** The socket that a master listens on: made beside its place and linked into it, so that nobody meets one that is not ready. */
import { linkSync, lstatSync, rmSync, statSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { randomBytes } from '../crypto/index.ts';
import { SshError } from '../errors.ts';

export interface ControlSocket {
  readonly path: string;
  /** Takes no more clients and removes the socket; those that are connected stay. */
  close(): void;
}

/** sun_path of Linux with its NUL; macOS has 104. The system's own error would not name the reason. */
const maxPathBytes = process.platform === 'darwin' ? 103 : 107;

/**
 * Listens at `path`, a socket that only its owner can use.
 *
 * @throws SshError `connect-failed` where a master listens there already (`ControlSocket … already exists, disabling
 *   multiplexing`), or the folder is one that others may write to.
 */
export async function listenControlSocket(path: string, onClient: (socket: Socket) => void): Promise<ControlSocket> {
  requireSafeFolder(path);
  await removeStale(path);
  const temporary = `${path}.${randomName()}`;
  if (Buffer.byteLength(temporary) > maxPathBytes) throw tooLong(path);
  const server = createServer({ allowHalfOpen: false, pauseOnConnect: true }, onClient);
  await bind(server, temporary, path);
  try {
    // link(2) fails where the name is taken: of two masters that start at once one wins, and neither harms the other.
    linkSync(temporary, path);
  } catch (error) {
    server.close();
    removeQuietly(temporary);
    throw (error as NodeJS.ErrnoException).code === 'EEXIST' ? alreadyExists(path) : cannotListen(path, error);
  }
  removeQuietly(temporary);
  const own = lstatSync(path);
  let isOpen = true;
  return {
    path,
    close() {
      if (!isOpen) return;
      isOpen = false;
      server.close();
      // Ours alone: another master may have taken the place since somebody removed it.
      const found = lstatSync(path, { throwIfNoEntry: false });
      if (found?.ino === own.ino && found.dev === own.dev) removeQuietly(path);
    },
  };
}

function bind(server: Server, temporary: string, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // bind(2) makes the file with what the mask leaves, within this very call.
    const before = process.umask(0o177);
    try {
      server.once('error', (error) => reject(cannotListen(path, error)));
      server.listen({ path: temporary, backlog: 64 }, () => {
        server.removeAllListeners('error');
        // Out of descriptors, say: the next client may find some again.
        server.on('error', () => {});
        resolve();
      });
    } finally {
      process.umask(before);
    }
  });
}

/** A socket whose master is gone answers nobody and would stand in the way for ever. */
async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw alreadyExists(path);
  if (await answers(path)) throw alreadyExists(path);
  removeQuietly(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => {
      socket.destroy();
      resolve((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED');
    });
  });
}

/** In a folder that others may write to they could put a socket of their own in our place; the sticky bit keeps them from it. */
function requireSafeFolder(path: string): void {
  const own = process.getuid?.();
  if (own === undefined) return;
  const found = statSync(dirname(path), { throwIfNoEntry: false });
  if (found === undefined) return;
  const isOwned = found.uid === own || found.uid === 0;
  const isShared = (found.mode & 0o022) !== 0 && (found.mode & 0o1000) === 0;
  if (isOwned && !isShared) return;
  throw new SshError(`others may put files into ${dirname(path)}, where the control socket would lie`, {
    code: 'connect-failed',
    stage: 'config',
    remedy: 'Set ControlPath to a place in a folder of your own: ~/.ssh/control-%C.',
  });
}

/** Sixteen letters and digits, as OpenSSH has them. */
function randomName(): string {
  const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
  return Array.from(randomBytes(16), (byte) => letters[byte % letters.length]).join('');
}

function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Somebody else's by now, or in a folder that we may no longer write to.
  }
}

function alreadyExists(path: string): SshError {
  return new SshError(`ControlSocket ${path} already exists, disabling multiplexing`, {
    code: 'connect-failed',
    stage: 'config',
    remedy: 'Use the master that runs there, or end it with ssh -O exit.',
  });
}

function tooLong(path: string): SshError {
  return new SshError(
    `ControlPath too long ('${path}', a temporary name needs 17 characters more than its ${path.length})`,
    {
      code: 'connect-failed',
      stage: 'config',
      remedy: `Keep it to ${maxPathBytes - 17} characters: %C stands for a short hash.`,
    },
  );
}

function cannotListen(path: string, cause: unknown): SshError {
  return new SshError(`cannot bind to path ${path}: ${(cause as Error).message}`, {
    code: 'connect-failed',
    stage: 'config',
    remedy: 'Check that the folder of ControlPath exists and is yours.',
    cause,
  });
}
