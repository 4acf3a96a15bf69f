/** The check of key derivation parameters, which come from files that anybody may have written. */
import { SshError } from '../../errors.ts';

export function requireWithin(value: number, lowest: number, highest: number, what: string): void {
  if (Number.isInteger(value) && value >= lowest && value <= highest) return;
  throw new SshError(`${what}: ${value}, and ${lowest} to ${highest} are taken`, {
    code: 'limit-exceeded',
    stage: 'key',
    remedy: 'Re-encrypt the key with the usual parameters, if you trust where it came from.',
  });
}
