/** Status codes of replies (draft-ietf-secsh-filexfer-02 §7), and the errors they become. */
import type { SshError, SshErrorCode } from '../errors.ts';
import { maxShownBytes } from '../limits.ts';
import { printable } from '../wire/index.ts';
import { sftpError } from './sftp-error.ts';

export const statusCodes = {
  ok: 0,
  eof: 1,
  noSuchFile: 2,
  permissionDenied: 3,
  failure: 4,
  badMessage: 5,
  noConnection: 6,
  connectionLost: 7,
  unsupported: 8,
} as const;

/** OpenSSH's words, and the code of ours; the codes of later versions mean nothing in version 3. */
const meanings: Readonly<Record<number, { readonly words: string; readonly code: SshErrorCode }>> = {
  [statusCodes.ok]: { words: 'Success', code: 'operation-failed' },
  [statusCodes.eof]: { words: 'End of file', code: 'operation-failed' },
  [statusCodes.noSuchFile]: { words: 'No such file or directory', code: 'no-such-file' },
  [statusCodes.permissionDenied]: { words: 'Permission denied', code: 'permission-denied' },
  [statusCodes.failure]: { words: 'Failure', code: 'operation-failed' },
  [statusCodes.badMessage]: { words: 'Bad message', code: 'operation-failed' },
  [statusCodes.noConnection]: { words: 'No connection', code: 'connection-lost' },
  [statusCodes.connectionLost]: { words: 'Connection lost', code: 'connection-lost' },
  [statusCodes.unsupported]: { words: 'Operation unsupported', code: 'unsupported' },
};

/** What a request was about, for the text of its error. */
export interface Subject {
  /** `open`, `mkdir` … */
  readonly operation: string;
  readonly path?: Buffer | undefined;
}

export function describeSubject({ operation, path }: Subject): string {
  return path === undefined ? operation : `${operation} "${printable(path, 'one')}"`;
}

/** What a server answered to a request: the `cause` of the error that it became. */
export class SftpRefusal {
  readonly operation: string;
  readonly path: Buffer | undefined;
  /** One of `statusCodes`, or another number. */
  readonly status: number;
  /** OpenSSH's words for the status. */
  readonly words: string;
  /** The server's own words, control characters written out. */
  readonly said: string;

  constructor({ operation, path }: Subject, status: number, words: string, said: string) {
    this.operation = operation;
    this.path = path;
    this.status = status;
    this.words = words;
    this.said = said;
  }
}

/** The error of a request that the server answered with a status. */
export function statusError(subject: Subject, code: number, text: Buffer | undefined): SshError {
  const meaning = meanings[code];
  const words = meaning?.words ?? `status ${code}`;
  const said = text === undefined ? '' : printable(text.subarray(0, maxShownBytes), 'one');
  const more = said === '' || said.toLowerCase() === words.toLowerCase() || said === 'No such file' ? '' : ` (${said})`;
  return sftpError(meaning?.code ?? 'operation-failed', `${describeSubject(subject)}: ${words}${more}`, {
    side: 'peer',
    cause: new SftpRefusal(subject, code, words, said),
  });
}
