/** Errors of the stage sftp: broken rules, and what a session ends with. */
import { SshError, type SshErrorCode, type SshErrorInit, toSshError } from '../errors.ts';

/** A rule of the protocol that the server broke. Its session is useless from then on; the connection is not. */
export function badSftp(message: string, init: Partial<SshErrorInit> = {}): SshError {
  return sftpError('bad-message', message, { side: 'peer', ...init });
}

export function sftpError(code: SshErrorCode, message: string, init: Partial<SshErrorInit> = {}): SshError {
  return new SshError(message, { code, stage: 'sftp', ...init });
}

/** Runs a decoder; errors of the wire layer speak of a connection's messages, here an sftp message is meant. */
export function readingSftp<T>(decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    const { message, code } = toSshError(cause, { code: 'bad-message', stage: 'sftp' });
    throw badSftp(message, { cause, code: code === 'limit-exceeded' ? code : 'bad-message' });
  }
}
