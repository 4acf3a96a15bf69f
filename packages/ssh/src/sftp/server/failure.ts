/** Errors of file systems, and the status codes that clients see of them. */
import { SshError } from '../../errors.ts';
import { sftpError } from '../sftp-error.ts';
import { statusCodes } from '../status.ts';

/** What a file system can fail with; the codes of node:fs that have a status of their own, and the commonest others. */
export type FileErrorCode =
  | 'ENOENT'
  | 'ENOTDIR'
  | 'EISDIR'
  | 'ELOOP'
  | 'EACCES'
  | 'EPERM'
  | 'EINVAL'
  | 'ENAMETOOLONG'
  | 'EEXIST'
  | 'ENOTEMPTY'
  | 'EBUSY'
  | 'ENOSPC'
  | 'EFBIG'
  | 'EMFILE'
  | 'EBADF'
  | 'EROFS'
  | 'ENOSYS';

const words: Readonly<Record<FileErrorCode, string>> = {
  ENOENT: 'no such file or directory',
  ENOTDIR: 'not a directory',
  EISDIR: 'is a directory',
  ELOOP: 'too many symbolic links',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EINVAL: 'not a valid argument',
  ENAMETOOLONG: 'the name is too long',
  EEXIST: 'the name is taken',
  ENOTEMPTY: 'the directory is not empty',
  EBUSY: 'in use',
  ENOSPC: 'no space left',
  EFBIG: 'the file would be too large',
  EMFILE: 'too many open files',
  EBADF: 'not opened for that',
  EROFS: 'read-only',
  ENOSYS: 'not supported here',
};

/** The status of each system error, as OpenSSH's server chooses it; what is not listed is "Failure". */
const statusByErrno: ReadonlyMap<string, number> = new Map([
  ...(['ENOENT', 'ENOTDIR', 'EBADF', 'ELOOP'] as const).map((code) => [code, statusCodes.noSuchFile] as const),
  ...(['EPERM', 'EACCES', 'EFAULT'] as const).map((code) => [code, statusCodes.permissionDenied] as const),
  ...(['ENAMETOOLONG', 'EINVAL'] as const).map((code) => [code, statusCodes.badMessage] as const),
  ['ENOSYS', statusCodes.unsupported],
]);

const statusBySshError: Readonly<Partial<Record<string, number>>> = {
  'no-such-file': statusCodes.noSuchFile,
  'permission-denied': statusCodes.permissionDenied,
  unsupported: statusCodes.unsupported,
  'bad-message': statusCodes.badMessage,
};

/** An error for a file system to throw. */
export function fileError(code: FileErrorCode): SshError {
  const { [code]: message } = words;
  return sftpError(errorCodeOf(statusByErrno.get(code)), message, { cause: { code } });
}

/** The status that a client gets for whatever was thrown. */
export function statusOf(error: unknown): number {
  if (error instanceof SshError) return statusBySshError[error.code] ?? statusCodes.failure;
  return statusByErrno.get(systemCode(error) ?? '') ?? statusCodes.failure;
}

/** The system's name of an error (`ENOENT`), where it has one. */
export function systemCode(error: unknown): string | undefined {
  const system = error instanceof SshError ? error.cause : error;
  const code = typeof system === 'object' && system !== null && 'code' in system ? system.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** The system's words for an error, for a log. */
export function describeFailure(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  // Node's own texts name the call and the path once more: "EISDIR: illegal operation on a directory, read".
  return /^E[A-Z0-9]+: ([^,]+)/.exec(message)?.[1] ?? message;
}

function errorCodeOf(status: number | undefined): SshError['code'] {
  switch (status) {
    case statusCodes.noSuchFile:
      return 'no-such-file';
    case statusCodes.permissionDenied:
      return 'permission-denied';
    case statusCodes.unsupported:
      return 'unsupported';
    case statusCodes.badMessage:
      return 'bad-message';
    default:
      return 'operation-failed';
  }
}
