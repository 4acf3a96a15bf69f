/** Where sftp is to go: `[user@]host[:path]` and `sftp://[user@]host[:port][/path]`. */
import { splitFileAddress, withoutBrackets } from '../files/address.ts';

export interface Destination {
  /** May be empty, where nothing stands before the colon. */
  readonly host: string;
  readonly user?: string;
  readonly port?: number;
  readonly path?: string;
}

/** Reads a destination; undefined for an sftp:// address that is none. What is no more than a name is a host. */
export function parseDestination(text: string): Destination | undefined {
  if (!/^sftp:\/\//i.test(text)) return parsePlain(text);
  const found = splitFileAddress(text);
  if (found === undefined) return undefined;
  const { path, ...rest } = found;
  return { ...rest, ...(path !== '' && { path }) };
}

function parsePlain(text: string): Destination {
  const colon = findColon(text);
  const front = colon < 0 ? text : text.slice(0, colon);
  const path = colon < 0 ? '' : text.slice(colon + 1);
  // The last @: names with an @ in them are common on Windows domains.
  const at = front.lastIndexOf('@');
  const host = withoutBrackets(front.slice(at + 1));
  // A user without a host, or a host without a user: taken for a name, which nobody will know.
  if (colon < 0 && (at === 0 || host === '')) return { host: front };
  return { host, ...(at > 0 && { user: front.slice(0, at) }), ...(path !== '' && { path }) };
}

/** The colon behind the host: none within brackets, and none behind a slash, where it is part of a local name. */
function findColon(text: string): number {
  const bracketed = /^(?:[^/]*@)?\[[^\]]*\]/.exec(text)?.[0];
  if (bracketed !== undefined) return text[bracketed.length] === ':' ? bracketed.length : -1;
  const colon = text.indexOf(':');
  const isAddress = colon >= 0 && text.indexOf(':', colon + 1) === colon + 1 && !text.includes('/');
  if (isAddress) return -1;
  const slash = text.indexOf('/');
  return slash >= 0 && slash < colon ? -1 : colon;
}
