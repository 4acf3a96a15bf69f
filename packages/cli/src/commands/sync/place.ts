/** A source or a target as it is typed: a local path, `[user@]host:path`, or `sftp://[user@]host[:port][/path]`. */
import { splitFileAddress } from '../files/address.ts';
import { parseDestination } from '../ssh/destination.ts';

export type Place =
  | { readonly kind: 'local'; readonly path: string }
  | {
      readonly kind: 'remote';
      /** `[user@]host`, as ssh takes it. */
      readonly destination: string;
      readonly port: number | undefined;
      /** Relative to where the session starts; empty for that. */
      readonly path: string;
    };

/** Reads a place; undefined for an address or a host that is none. */
export function parsePlace(text: string): Place | undefined {
  if (/^sftp:\/\//i.test(text)) {
    const found = splitFileAddress(text);
    if (found === undefined) return undefined;
    const user = found.user === undefined ? '' : `${found.user}@`;
    return remote(`${user}${found.host}`, found.port, found.path);
  }
  const colon = findColon(text);
  if (colon < 0) return { kind: 'local', path: text };
  return remote(text.slice(0, colon), undefined, text.slice(colon + 1));
}

/** The colon that ends a host, as scp sees it: not behind a slash, and not one of an address in brackets. */
function findColon(text: string): number {
  const bracketed = /^(?:[^/[\]]*@)?\[[^\]/]+\]:/.exec(text);
  if (bracketed !== null) return bracketed[0].length - 1;
  const colon = text.indexOf(':');
  const slash = text.indexOf('/');
  // A colon that comes first is part of a name.
  return colon > 0 && (slash < 0 || colon < slash) ? colon : -1;
}

function remote(destination: string, port: number | undefined, path: string): Place | undefined {
  const bare = destination.replace(/^((?:.*@)?)\[([^\]]+)\]$/, '$1$2');
  if (parseDestination(bare) === undefined || path.includes('\0')) return undefined;
  return { kind: 'remote', destination: bare, port, path };
}
