/** What an error of a transfer was about: the call that failed and its reason in the system's words, for tools that word it themselves. */
import { SshError } from '@nacre/ssh/errors';
import { SftpRefusal } from '@nacre/ssh/sftp';

export interface FailureParts {
  /** `local`: a call of this system's; `remote`: a request that the server refused; `other`: neither, and `words` is all there is. */
  readonly at: 'local' | 'remote' | 'other';
  /** The system's call (`open`, `mkdir`, `ftruncate`), or the request (`open`, `fsetstat`, `opendir`). */
  readonly operation: string;
  /** `No space left on device`; of a server `Failure`, which is all that most of them say. */
  readonly words: string;
  /** ENOENT, or the number of the status. */
  readonly code: string | number;
  /** What a server was asked about. */
  readonly path?: Buffer | undefined;
}

/** Looks through the causes of an error for the one that a system or a server gave. */
export function failureParts(error: unknown): FailureParts {
  for (let cause = error; cause !== undefined; cause = cause instanceof Error ? cause.cause : undefined) {
    if (cause instanceof SftpRefusal) {
      const { operation, words, status, path } = cause;
      return { at: 'remote', operation, words, code: status, path };
    }
    const { code, syscall } = cause as NodeJS.ErrnoException;
    if (!(cause instanceof SshError) && code !== undefined && syscall !== undefined) {
      return { at: 'local', operation: syscall, words: systemWords(code, (cause as Error).message), code };
    }
  }
  const inner = innermost(error);
  return { at: 'other', operation: '', words: inner.message, code: inner instanceof SshError ? inner.code : '' };
}

/** strerror(3), for what the file system answers. */
export function systemWords(code: string, message: string): string {
  const known = words[code];
  if (known !== undefined) return known;
  // `ENOTEMPTY: directory not empty, rmdir '…'`
  const reason = /^E[A-Z0-9]+: ([^,]+)/.exec(message)?.[1] ?? message;
  return reason.charAt(0).toUpperCase() + reason.slice(1);
}

/** What people see most, and the texts of libuv that are not the system's own but for the first letter. */
const words: Readonly<Record<string, string>> = {
  ENOENT: 'No such file or directory',
  EACCES: 'Permission denied',
  ENOTDIR: 'Not a directory',
  ENOSPC: 'No space left on device',
  EISDIR: 'Is a directory',
  EEXIST: 'File exists',
  ELOOP: 'Too many levels of symbolic links',
  ENAMETOOLONG: 'File name too long',
  EIO: 'Input/output error',
  EROFS: 'Read-only file system',
  ESPIPE: 'Illegal seek',
  ETXTBSY: 'Text file busy',
  EDQUOT: 'Disk quota exceeded',
  EMFILE: 'Too many open files',
  ENFILE: 'Too many open files in system',
  ENOMEM: 'Cannot allocate memory',
  EBUSY: 'Device or resource busy',
};

/** The first cause: those around it say the same with a path in front. */
function innermost(error: unknown): Error {
  let inner = error instanceof Error ? error : new Error(String(error));
  while (inner.cause instanceof Error) inner = inner.cause;
  return inner;
}
