/** A password that logs its user in once. */
import { hash, randomBytes, timingSafeEqual } from '@nacre/ssh/crypto';
import type { CheckPassword } from '../sshd/credentials.ts';

/** 120 bits: nobody guesses it in the life of a server. */
const passwordBytes = 15;

export interface OneTimePassword {
  readonly password: string;
  /** True the first time it is given for the right account, false ever after. */
  readonly check: CheckPassword;
}

export function makeOneTimePassword(accountName: string): OneTimePassword {
  const password = randomBytes(passwordBytes).toString('base64url');
  let digest: Buffer | undefined = digestOf(password);
  return {
    password,
    check(name, given) {
      // Digests have one length, so that the comparison tells nothing of how much was right.
      const isRight = digest !== undefined && timingSafeEqual(digest, digestOf(given)) && name === accountName;
      if (isRight) digest = undefined;
      return Promise.resolve(isRight);
    },
  };
}

function digestOf(text: string): Buffer {
  return hash('sha256', Buffer.from(text, 'utf8'));
}
