/** Where to: `[user@]host` and `ssh://[user@]host[:port]`, as ssh takes them. */

export interface Destination {
  readonly host: string;
  readonly user?: string;
  readonly port?: number;
}

/** Reads a destination; undefined for what is none. */
export function parseDestination(text: string): Destination | undefined {
  const found = text.startsWith('ssh://') ? parseAddress(text) : parsePlain(text);
  if (found === undefined) return undefined;
  return isHostName(found.host) && (found.user === undefined || isUserName(found.user)) ? found : undefined;
}

function parsePlain(text: string): Destination | undefined {
  // The last @: names with an @ in them are common on Windows domains.
  const at = text.lastIndexOf('@');
  if (at === 0) return undefined;
  return at < 0 ? { host: text } : { user: text.slice(0, at), host: text.slice(at + 1) };
}

function parseAddress(text: string): Destination | undefined {
  const match = /^ssh:\/\/(?:([^@/]*)@)?(?:\[([^\]/]+)\]|([^:/@[\]]+))(?::(\d+))?\/?$/.exec(text);
  if (match === null) return undefined;
  const [, user, bracketed, plain, port] = match;
  const host = bracketed ?? plain ?? '';
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65535)) return undefined;
  const decoded = user === undefined ? undefined : decode(user.split(';')[0] as string);
  if (user !== undefined && (decoded === undefined || decoded === '')) return undefined;
  return {
    host,
    ...(decoded !== undefined && { user: decoded }),
    ...(port !== undefined && { port: Number(port) }),
  };
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** A name that a shell or another program might take for something else is none (CVE-2023-51385). */
export function isHostName(host: string): boolean {
  return host !== '' && !host.startsWith('-') && /^[^\s\p{Cc}"'`$\\;&<>|(){}]+$/u.test(host);
}

export function isUserName(user: string): boolean {
  return user !== '' && !user.startsWith('-') && /^[^\s\p{Cc}"'`;&<>|(){}]+$/u.test(user) && !user.endsWith('\\');
}
