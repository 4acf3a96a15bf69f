/** OpenSSH's words for what went wrong. */
import { getSystemErrorName } from 'node:util';
import { SshError } from '@nacre/ssh/errors';
import { describeSystemError } from '../ssh-keygen/ending.ts';

/** What a server said to a request: `No such file or directory`. */
export function reasonOf(error: unknown): string {
  return partsOf(requireSshError(error)).reason;
}

/** An error of a file here, as strerror(3) says it. */
export function localReason(error: unknown): string {
  const { errno, code } = error as NodeJS.ErrnoException;
  if (code === 'ERR_FS_FILE_TOO_LARGE' || errno === undefined) throw error;
  return describeSystemError({ code: code ?? getSystemErrorName(errno) });
}

/** Why a file could not be copied. @param isUpload - for OpenSSH the other end is then the destination. */
export function describeTransfer(error: unknown, isUpload: boolean): string {
  const inner = innermost(requireSshError(error));
  const system = (inner.cause ?? {}) as NodeJS.ErrnoException;
  const { operation, path, reason } = partsOf(inner);
  if (typeof system.code === 'string' && operation.endsWith(' local')) {
    const why = localReason(system);
    if (operation === 'mkdir local') return `mkdir ${path}: ${why}`;
    if (operation === 'utimes local') return `local set times "${path}": ${why}`;
    if (operation === 'open local' || operation === 'read local' || operation === 'write local')
      return `${operation} "${path}": ${why}`;
    return `local ${operation.slice(0, -' local'.length)} "${path}": ${why}`;
  }
  switch (operation) {
    case 'open':
      return `${isUpload ? 'dest' : 'remote'} open "${path}": ${reason}`;
    case 'read':
      return `read remote "${path}" : ${reason}`;
    case 'write':
      return `write remote "${path}": ${reason}`;
    case 'opendir':
    case 'readdir':
      return `remote readdir("${path}"): ${reason}`;
    case 'stat':
    case 'lstat':
      return `stat remote: ${reason}`;
    case 'mkdir':
    case 'setstat':
      return `remote ${operation} "${path}": ${reason}`;
    case 'fsetstat':
    case 'fsync':
      return `remote ${operation}: ${reason}`;
    default:
      return inner.message;
  }
}

/** An error of the protocol as its parts: what was asked, of which path, and the answer. */
export function partsOf({ message }: SshError): { operation: string; path: string; reason: string } {
  const [, operation = '', path = '', reason = message] =
    /^([\w-]+(?: local)?)(?: "(.*)")?: (.*)$/s.exec(message) ?? [];
  return { operation, path, reason };
}

/** The transfer wraps what failed in a sentence of its own. */
function innermost(error: SshError): SshError {
  return error.cause instanceof SshError ? innermost(error.cause) : error;
}

export function requireSshError(error: unknown): SshError {
  if (error instanceof SshError) return error;
  throw error;
}
