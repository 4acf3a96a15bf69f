/** How errors about keys are made: code, stage, and whatever the wire reader found as their cause. */
import { SshError, type SshErrorInit } from '../errors.ts';

export function badKey(message: string, init: Partial<SshErrorInit> = {}): SshError {
  return new SshError(message, { code: 'bad-key', stage: 'key', ...init });
}

export function badCertificate(message: string, init: Partial<SshErrorInit> = {}): SshError {
  return new SshError(message, { code: 'bad-certificate', stage: 'key', ...init });
}

/** Runs a parser of key material: what is wrong with the bytes comes out as `bad-key`, not as a broken message. */
export function parsingKey<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof SshError && error.code === 'bad-message') throw badKey(error.message, { cause: error });
    throw error;
  }
}
