/** Which methods a login still needs: OpenSSH's AuthenticationMethods as lists that get shorter with every success. */
import { SshError } from '../errors.ts';
import { authMethods } from './methods/table.ts';
import type { ServerAuthOptions } from './server-options.ts';

/** Alternatives; each lists what is still to succeed, in order. An empty one means that the login is complete. */
export type OpenLists = readonly (readonly string[])[];

/** The lists a login starts with. Throws `misuse` where no login could ever succeed or one would need nothing. */
export function openLists<G>(options: ServerAuthOptions<G>): OpenLists {
  const enabled = authMethods
    .filter((method) => method.hasHandler(options) && (options.methods?.includes(method.name) ?? true))
    .map((method) => method.name);
  const { requiredMethods } = options;
  if (requiredMethods === undefined) return enabled.map((name) => [name]);
  for (const list of requiredMethods) {
    if (list.length === 0) throw misuse('a list of required login methods is empty');
    for (const name of list) {
      if (!authMethods.some((method) => method.name === name)) throw misuse(`"${name}" is no login method`);
    }
  }
  // OpenSSH skips lists with a method that is switched off, and refuses to serve where none is left.
  const usable = requiredMethods.filter((list) => list.every((name) => enabled.includes(name)));
  if (usable.length === 0) throw misuse('none of the lists of required login methods can be satisfied');
  return usable;
}

/** The lists after `method` succeeded: it is struck off wherever it stood first. */
export function advance(lists: OpenLists, method: string): OpenLists {
  return lists.map((list) => (list[0] === method ? list.slice(1) : list));
}

export function isComplete(lists: OpenLists): boolean {
  return lists.some((list) => list.length === 0);
}

/** Whether `method` is one that some list wants now. */
export function allows(lists: OpenLists, method: string): boolean {
  return lists.some((list) => list[0] === method);
}

/** The methods that can continue, as USERAUTH_FAILURE lists them (RFC 4252 §5.2: never "none"). */
export function methodsToList(lists: OpenLists): string[] {
  return authMethods.map((method) => method.name).filter((name) => name !== 'none' && allows(lists, name));
}

function misuse(message: string): SshError {
  return new SshError(message, {
    code: 'misuse',
    stage: 'auth',
    remedy: 'Correct the required methods (AuthenticationMethods), or enable the methods they name.',
  });
}
