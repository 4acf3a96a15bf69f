/** The -O options of ssh-keygen -Y. */
import { parseTimeSpec } from '@nacre/ssh/trust';
import { sanitize } from '../../../terminal/sanitize.ts';
import { complain } from './complain.ts';

export interface SignatureOptions {
  readonly hash: string;
  /** Milliseconds since 1970: the time to judge by, or now. */
  readonly now: number;
  readonly printPublicKey: boolean;
}

export type SignatureOptionName = 'hashalg' | 'verify-time' | 'print-pubkey';

/**
 * Reads the options that an operation knows.
 *
 * @returns undefined, and a complaint on stderr, where one is not known or wrong.
 */
export function readSignatureOptions(
  texts: readonly string[],
  known: readonly SignatureOptionName[],
): SignatureOptions | undefined {
  let hash = 'sha512';
  let seconds: number | undefined;
  let printPublicKey = false;
  for (const text of texts) {
    const name = known.find((each) => matches(text, each));
    if (name === 'hashalg') hash = text.slice('hashalg='.length);
    else if (name === 'print-pubkey') printPublicKey = true;
    else if (name === 'verify-time') {
      seconds = parseTimeSpec(text.slice('verify-time='.length));
      if (seconds === undefined || seconds <= 0) return void complain('Invalid "verify-time" option');
    } else return void complain(`Invalid option "${sanitize(text)}"`);
  }
  return { hash, now: seconds === undefined ? Date.now() : seconds * 1000, printPublicKey };
}

function matches(text: string, name: SignatureOptionName): boolean {
  const lower = text.toLowerCase();
  return name === 'print-pubkey' ? lower === name : lower.startsWith(`${name}=`);
}
