/** Sources and targets as scp takes them: a local path, `[user@]host:path`, `scp://[user@]host[:port]/path`. */
import { splitFileAddress, withoutBrackets } from '../files/address.ts';

export interface RemotePlace {
  readonly user: string | undefined;
  readonly host: string;
  readonly port: number | undefined;
  /** `.` where none is named. */
  readonly path: string;
}

export type Place = { readonly local: string } | { readonly remote: RemotePlace } | { readonly bad: 'uri' };

const scheme = 'scp://';

/**
 * Reads one. A colon makes a host of what stands before it, unless a slash comes first: `./a:b` is a file. Addresses with colons stand
 * in brackets.
 */
export function parsePlace(text: string): Place {
  if (text.startsWith(scheme)) {
    const found = splitFileAddress(text);
    if (found === undefined) return { bad: 'uri' };
    const { user, host, port, path } = found;
    return { remote: { user, host, port, path: path || '.' } };
  }
  const at = findColon(text);
  if (at < 0) return { local: text };
  const head = text.slice(0, at);
  const userEnd = head.lastIndexOf('@');
  const user = head.slice(0, Math.max(0, userEnd));
  return {
    remote: {
      user: user === '' ? undefined : user,
      host: withoutBrackets(head.slice(userEnd + 1)),
      port: undefined,
      path: text.slice(at + 1) || '.',
    },
  };
}

/** Whether a name can be a user's: it is about to stand in a command for a shell. */
export function isPlainUser(user: string): boolean {
  return !/['"` #\x80-\u{10ffff}]/u.test(user);
}

/** Where the host ends; -1 where there is none. A colon in front is part of a file's name. */
function findColon(text: string): number {
  if (text.startsWith(':')) return -1;
  let isBracketed = text.startsWith('[');
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    const next = text[at + 1];
    if (character === '@' && next === '[') isBracketed = true;
    if (character === ']' && next === ':' && isBracketed) return at + 1;
    if (character === ':' && !isBracketed) return at;
    if (character === '/') return -1;
  }
  return -1;
}
