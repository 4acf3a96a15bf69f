/** ChrootDirectory: another root directory, where nobody but root can have put anything. */
import { statSync } from 'node:fs';
import { SshError } from '@nacre/ssh/errors';
import { loadKoffi } from './native.ts';

const maxPathBytes = 4096;

/**
 * Every part of the path must be root's, and no one else may write there: a user who can put files into the new root can make
 * programs of root's read them.
 *
 * @throws SshError `permission-denied`, in OpenSSH's words.
 */
export function requireSafeRoot(path: string): void {
  if (!path.startsWith('/')) throw refusal('chroot path does not begin at root');
  if (Buffer.byteLength(path) >= maxPathBytes || path.includes('\0')) throw refusal('chroot path too long');
  for (const part of partsOf(path)) {
    const kind = part === path ? '' : 'component ';
    const { uid, mode, isFolder } = look(part);
    if (uid !== 0 || (mode & 0o022) !== 0) {
      throw refusal(`bad ownership or modes for chroot directory ${kind}"${part}"`);
    }
    if (!isFolder) throw refusal(`chroot path ${kind}"${part}" is not a directory`);
  }
}

/** Makes a directory the root of this process, for good once it is no longer root. Look at it with requireSafeRoot before. */
export function changeRoot(path: string): void {
  const koffi = loadKoffi();
  const chroot = koffi.load(null).func('int chroot(str path)');
  try {
    process.chdir(path);
  } catch (error) {
    throw refusal(`Unable to chdir to chroot path "${path}": ${(error as NodeJS.ErrnoException).code}`);
  }
  // By the directory that we stand in: what the path leads to may have changed meanwhile.
  if (chroot('.') !== 0) throw refusal(`chroot("${path}"): error ${koffi.errno()}`);
  process.chdir('/');
}

/** `/`, `/srv/`, `/srv/files`. */
function partsOf(path: string): string[] {
  const slashes = [...path.matchAll(/\//g)].map(({ index }) => path.slice(0, index + 1));
  return path.endsWith('/') ? slashes : [...slashes, path];
}

function look(path: string): { uid: number; mode: number; isFolder: boolean } {
  try {
    const status = statSync(path);
    return { uid: status.uid, mode: status.mode, isFolder: status.isDirectory() };
  } catch (error) {
    throw refusal(`safely_chroot: stat("${path}"): ${(error as NodeJS.ErrnoException).code}`);
  }
}

function refusal(message: string): SshError {
  return new SshError(message, {
    code: 'permission-denied',
    stage: 'auth',
    remedy: 'the directory and every one above it must be owned by root and writable by nobody else',
  });
}
