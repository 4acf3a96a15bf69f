/** What login throws, whoever threw it first. */
import { type AuthFailure, SshError, type SshErrorInit, toSshError } from '../errors.ts';

/**
 * Anything caught during login as an SshError: what a callback threw is wrapped as the cause of `init`, and a message that could
 * not be read is one of login's.
 */
export function toAuthError(error: unknown, init: Omit<SshErrorInit, 'stage'>): SshError {
  if (!(error instanceof SshError) || error.code !== 'bad-message' || error.stage !== 'transport') {
    return toSshError(error, { ...init, stage: 'auth' });
  }
  const { code, side, remedy, disconnect, message } = error;
  return new SshError(message, {
    code,
    stage: 'auth',
    side,
    cause: error,
    ...(remedy === undefined ? {} : { remedy }),
    ...(disconnect === undefined ? {} : { disconnect }),
  });
}

/** The same error with what login had tried. */
export function withAuthFailure(error: SshError, authFailure: AuthFailure): SshError {
  const { code, stage, side, remedy, disconnect, message, cause } = error;
  return new SshError(message, {
    ...{ code, stage, side, cause, authFailure },
    ...(remedy !== undefined && { remedy }),
    ...(disconnect !== undefined && { disconnect }),
  });
}
