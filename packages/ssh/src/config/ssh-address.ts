/** The parts of an ssh:// address, before anybody has looked at the names in it. */

export interface SshAddressParts {
  readonly host: string;
  readonly user?: string;
  readonly port?: number;
}

/**
 * Takes `ssh://[user[;parameters]@]host[:port][/]` apart; undefined for what is none, and for a port that no server has.
 *
 * @example
 * splitSshAddress('ssh://ada@[::1]:2222'); // { user: 'ada', host: '::1', port: 2222 }
 */
export function splitSshAddress(text: string): SshAddressParts | undefined {
  const match = /^ssh:\/\/(?:([^@/]*)@)?(?:\[([^\]/]+)\]|([^:/@[\]]+))(?::(\d+))?\/?$/.exec(text);
  if (match === null) return undefined;
  const [, userinfo, bracketed, plain, digits] = match;
  const port = digits === undefined ? undefined : Number(digits);
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined;
  const user = userinfo === undefined ? undefined : decodePercent(userinfo.split(';')[0] as string);
  if (userinfo !== undefined && (user === undefined || user === '')) return undefined;
  return {
    host: bracketed ?? (plain as string),
    ...(user !== undefined && { user }),
    ...(port !== undefined && { port }),
  };
}

/** `user@rest`: the last @ counts, since names with an @ in them are common on Windows domains. */
export function splitUser(text: string): { readonly user?: string; readonly rest: string } {
  const at = text.lastIndexOf('@');
  return at < 0 ? { rest: text } : { user: text.slice(0, at), rest: text.slice(at + 1) };
}

function decodePercent(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
