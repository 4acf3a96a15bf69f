/** On what a host was trusted, and whether its further keys may be learned on that word. */
import type { TrustEventLevel } from './trust-event.ts';

/** Whether the keys of a server may be learned on the word of the one it showed; if not, why, with the level of that word. */
export type Basis =
  | { readonly mayLearn: true }
  | { readonly mayLearn: false; readonly level: TrustEventLevel; readonly why: string };

export const certain: Basis = { mayLearn: true };

export const untrusted: Basis = {
  mayLearn: false,
  level: 'error',
  why: 'UpdateHostkeys is disabled because the host key is not trusted.',
};
export const notTrustedYet: Basis = {
  mayLearn: false,
  level: 'debug1',
  why: 'check_host_key: hostkey not known or explicitly trusted: disabling UpdateHostkeys',
};

/** OpenSSH's words for what stands against it. */
export function disabled(why: string): Basis {
  return { mayLearn: false, level: 'debug3', why: `check_host_key: ${why}; disabling UpdateHostkeys` };
}
