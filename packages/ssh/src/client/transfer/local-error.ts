/** Errors of local files as ours. */
import { SshError, type SshErrorCode } from '../../errors.ts';
import { printable } from '../../wire/index.ts';

const codes: Readonly<Record<string, SshErrorCode>> = {
  ENOENT: 'no-such-file',
  EACCES: 'permission-denied',
  EPERM: 'permission-denied',
  EROFS: 'permission-denied',
};

const words: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  ENOSPC: 'no space left on the disk',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file is too large for the disk',
  EISDIR: 'is a folder',
  ENOTDIR: 'a part of the path is no folder',
  ELOOP: 'is a link, and links are not followed here',
  EEXIST: 'is there already',
  EROFS: 'the disk can only be read',
  ENXIO: 'is a pipe that nobody reads',
  ENAMETOOLONG: 'the name is too long',
  EMFILE: 'too many files are open',
};

const remedies: Readonly<Record<string, string>> = {
  ENOSPC: 'Make room, and go on with resume: what was written stays.',
  EDQUOT: 'Make room, and go on with resume: what was written stays.',
  ELOOP: 'Remove the link, or choose another folder.',
};

/** An error of node:fs about a path. */
export function localError(operation: string, path: Buffer, cause: unknown): SshError {
  if (cause instanceof SshError) return cause;
  const code = (cause as NodeJS.ErrnoException).code ?? '';
  const text = words[code] ?? (cause instanceof Error ? cause.message : String(cause));
  const remedy = remedies[code];
  return new SshError(`${operation} local "${printable(path, 'one')}": ${text}`, {
    code: codes[code] ?? 'operation-failed',
    stage: 'sftp',
    cause,
    ...(remedy !== undefined && { remedy }),
  });
}
