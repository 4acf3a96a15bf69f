/** The login methods, in the order in which a client prefers them and a server lists them. */
import { hostbasedMethod } from './hostbased.ts';
import { keyboardInteractiveMethod } from './keyboard-interactive.ts';
import { noneMethod } from './none.ts';
import { passwordMethod } from './password.ts';
import { publickeyMethod } from './publickey.ts';
import type { AuthMethod } from './types.ts';

export const authMethods: readonly AuthMethod[] = [
  noneMethod,
  hostbasedMethod,
  publickeyMethod,
  keyboardInteractiveMethod,
  passwordMethod,
];

/** The method behind a name on the wire. */
export function findAuthMethod(name: string): AuthMethod | undefined {
  return authMethods.find((method) => method.name === name || method.aliases.includes(name));
}
