/** How ssh-keygen ends when something is wrong: OpenSSH's words on stderr, and its exit status. */

import { constants } from 'node:os';
import { SshError } from '@nacre/ssh/errors';

/** Ends the tool: a text for stderr (none if empty) and the exit status. OpenSSH's fatal() exits with 255. */
export class Ending extends Error {
  readonly status: number;

  constructor(message: string, status = 255) {
    super(message);
    this.name = 'Ending';
    this.status = status;
  }
}

/** What went wrong in OpenSSH's words, with ours behind them where they say more. */
export function describe(error: unknown): string {
  if (error instanceof SshError) {
    switch (error.code) {
      case 'bad-passphrase':
        return 'incorrect passphrase supplied to decrypt private key';
      case 'unsupported':
        return `unknown or unsupported key type (${error.message})`;
      default:
        return `invalid format (${error.message})`;
    }
  }
  return describeSystemError(error);
}

/** strerror(3) for what the file system answers; errors of any other kind are bugs and go on. */
export function describeSystemError(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined || !(code in constants.errno)) throw error;
  return words.get(code) ?? code;
}

const words = new Map([
  ['ENOENT', 'No such file or directory'],
  ['EACCES', 'Permission denied'],
  ['EPERM', 'Operation not permitted'],
  ['EISDIR', 'Is a directory'],
  ['ENOTDIR', 'Not a directory'],
  ['EEXIST', 'File exists'],
  ['EROFS', 'Read-only file system'],
  ['ENOSPC', 'No space left on device'],
  ['ELOOP', 'Too many levels of symbolic links'],
  ['ENAMETOOLONG', 'File name too long'],
  ['EIO', 'Input/output error'],
  ['ENXIO', 'No such device or address'],
]);
