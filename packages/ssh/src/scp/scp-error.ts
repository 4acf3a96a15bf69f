/** Errors of the stage scp. */
import { SshError, type SshErrorCode, type SshErrorInit, toSshError } from '../errors.ts';

export function scpError(code: SshErrorCode, message: string, init: Partial<SshErrorInit> = {}): SshError {
  return new SshError(message, { code, stage: 'scp', ...init });
}

/** A rule of the protocol that the peer broke. Its conversation is useless from then on; the connection is not. */
export function badScp(message: string, init: Partial<SshErrorInit> = {}): SshError {
  return scpError('protocol-error', message, { side: 'peer', ...init });
}

/** Whatever file access failed with, as an error that names the path. */
export function fileError(path: string, error: unknown): SshError {
  const { message, code } = toSshError(error, { code: 'operation-failed', stage: 'scp' });
  return scpError(code, `${path}: ${message}`, { cause: error });
}
