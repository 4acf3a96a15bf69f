/** `-O expiry=time` of plain keys: beyond OpenSSH, whose other options are for keys of tokens and count for nothing here. */
import { SshError } from '@nacre/ssh/errors';
import { parseExpiry } from '@nacre/ssh/keys';
import { Ending } from './ending.ts';

/** The second at which the key shall expire; undefined where nobody asked for it. The last option counts. */
export function readExpiry(options: readonly string[]): number | undefined {
  const text = options.findLast((option) => /^expiry=/i.test(option))?.slice('expiry='.length);
  if (text === undefined) return undefined;
  try {
    return parseExpiry(text, Date.now() / 1000);
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    throw new Ending(`ssh-keygen: ${error.message}`);
  }
}
