/** What a transfer says of a file that failed. */
import { SshError, toSshError } from '../../errors.ts';
import { printable } from '../../wire/index.ts';
import type { TransferFailure } from './types.ts';

/** The cause with the file, and with what there is of it. */
export function describeFailure(
  verb: string,
  source: Buffer,
  cause: unknown,
  partial: TransferFailure['partial'],
): SshError {
  const error = toSshError(cause, { code: 'operation-failed', stage: 'sftp' });
  const { code, stage, side, remedy } = error;
  const rest =
    partial === undefined
      ? ''
      : `; ${partial.bytes} bytes are in "${printable(partial.path, 'one')}", and resume goes on there`;
  return new SshError(`${verb} "${printable(source, 'one')}": ${error.message}${rest}`, {
    code,
    stage,
    side,
    cause,
    ...(remedy !== undefined && { remedy }),
  });
}
