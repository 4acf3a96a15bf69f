/** OpenSSH's words for what went wrong. */
import { SshError } from '@nacre/ssh/errors';
import { toText } from '@nacre/ssh/sftp';
import { failureParts, systemWords } from '../files/failure-parts.ts';

/** What a server said to a request: `No such file or directory`. */
export function reasonOf(error: unknown): string {
  return failureParts(requireSshError(error)).words;
}

/** An error of a file here, as strerror(3) says it; of any other kind it is a bug, and goes on. */
export function localReason(error: unknown): string {
  const { errno, code, message } = error as NodeJS.ErrnoException;
  if (errno === undefined || code === undefined) throw error;
  return systemWords(code, message);
}

/** What a request was about, and why it was refused. */
export function refusalOf(error: unknown): { operation: string; path: string; reason: string } {
  const { operation, path, words } = failureParts(requireSshError(error));
  return { operation, path: path === undefined ? '' : toText(path), reason: words };
}

/** A transfer, as far as its failures are told. */
export interface FailedCopy {
  readonly isUpload: boolean;
  /** The file here. */
  readonly local: string;
}

/** Why a file could not be copied. */
export function describeTransfer(error: unknown, { isUpload, local }: FailedCopy): string {
  const { at, operation, path: bytes, words } = failureParts(requireSshError(error));
  if (at === 'other') return words;
  if (at === 'local') return describeLocal(operation, local, words);
  const path = bytes === undefined ? '' : toText(bytes);
  switch (operation) {
    case 'open':
      // For OpenSSH a server that is written to is the destination.
      return `${isUpload ? 'dest' : 'remote'} open "${path}": ${words}`;
    case 'read':
      return `read remote "${path}" : ${words}`;
    case 'write':
      return `write remote "${path}": ${words}`;
    case 'opendir':
    case 'readdir':
      return `remote readdir("${path}"): ${words}`;
    case 'stat':
    case 'lstat':
      return `stat remote: ${words}`;
    case 'fsetstat':
    case 'fsync':
      return `remote ${operation}: ${words}`;
    default:
      return `remote ${operation} "${path}": ${words}`;
  }
}

function describeLocal(call: string, path: string, words: string): string {
  switch (call) {
    case 'mkdir':
      return `mkdir ${path}: ${words}`;
    case 'open':
    case 'read':
      return `${call} local "${path}": ${words}`;
    case 'write':
    case 'writev':
      return `write local "${path}": ${words}`;
    case 'futime':
    case 'utime':
    case 'lutime':
      return `local set times "${path}": ${words}`;
    case 'fchmod':
      return `local chmod "${path}": ${words}`;
    default:
      return `local ${call} "${path}": ${words}`;
  }
}

function requireSshError(error: unknown): SshError {
  if (error instanceof SshError) return error;
  throw error;
}
