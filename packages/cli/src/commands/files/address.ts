/** Addresses of files: `scp://` and `sftp://`, `[user@]host[:port][/path]`. */
import { type SshAddressParts, splitSshAddress } from '@nacre/ssh/config';

/**
 * Takes an address apart; undefined for one that is none. As OpenSSH has it: a path is relative to where a session starts, and another
 * slash in front of it makes it absolute.
 */
export function splitFileAddress(text: string): (SshAddressParts & { readonly path: string }) | undefined {
  const [, authority = '', path = ''] = /^[^:/]+:\/\/([^/]*)(?:\/([\s\S]*))?$/.exec(text) ?? [];
  const parts = splitSshAddress(`ssh://${authority}`);
  // A name, or an address that may say which interface leads to it.
  if (
    parts === undefined ||
    !/^(?:[A-Za-z0-9_][A-Za-z0-9_.-]*|[A-Fa-f0-9:][A-Za-z0-9:_.%-]*:[A-Za-z0-9:_.%-]*)$/.test(parts.host)
  ) {
    return undefined;
  }
  try {
    return { ...parts, path: decodeURIComponent(path) };
  } catch {
    return undefined;
  }
}

/** `[::1]` as `::1`. */
export function withoutBrackets(host: string): string {
  return /^\[(.*)\]$/s.exec(host)?.[1] ?? host;
}
