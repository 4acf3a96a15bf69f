/** ssh-add. */
import { SshError } from '@nacre/ssh/errors';

export function run(_args: readonly string[]): number {
  throw new SshError('ssh-add does not exist yet', { code: 'unsupported', stage: 'usage' });
}
