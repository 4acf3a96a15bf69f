/** Algorithm lists for `-G`; what is wrong in one ends ssh in OpenSSH's words. */
import { allAlgorithms as listAlgorithms } from '@nacre/ssh/client';
import type { ClientSettings } from '@nacre/ssh/config';
import { SshError } from '@nacre/ssh/errors';
import { FatalError } from './end.ts';

/** Every list as it is used, defaults too. */
export function allAlgorithms(settings: ClientSettings): ReturnType<typeof listAlgorithms> {
  return inOwnWords(() => listAlgorithms(settings));
}

/** What the configuration says wrongly is told as it is, and ends ssh. */
export function inOwnWords<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    throw new FatalError(error.message, { always: true });
  }
}
