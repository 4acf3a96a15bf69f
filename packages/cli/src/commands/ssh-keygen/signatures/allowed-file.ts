/** Opens an allowed signers file. */
import { readFileSync } from 'node:fs';
import { type AllowedSigners, parseAllowedSigners } from '@nacre/ssh/trust';
import { sanitize } from '../../../terminal/sanitize.ts';
import { describeSystemError } from '../ending.ts';
import { complain } from './complain.ts';

/** The file's lines, or the reason why there are none, of which a complaint is on stderr already. */
export function openAllowedSigners(path: string): AllowedSigners | string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const reason = describeSystemError(error);
    complain(`Unable to open allowed keys file "${sanitize(path)}": ${reason}`);
    return reason;
  }
  return parseAllowedSigners(text, { name: path });
}
