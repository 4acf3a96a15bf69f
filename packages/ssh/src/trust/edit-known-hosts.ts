/** Changes to known_hosts as text: adding and removing a host without touching any other line. */
import { createHostSalt, hashHostName } from '../crypto/hashed-host.ts';
import { SshError } from '../errors.ts';
import type { PublicKey } from '../keys/types.ts';
import { formatHostName } from './host-name.ts';
import { HostName, hashMagic, type KnownHostsEntry, parseKnownHosts } from './known-hosts.ts';

export interface NewHost {
  readonly host: string;
  readonly port: number;
  /** The key to trust; of a certificate, its subject key. */
  readonly key: PublicKey;
  /** Hides the name (HashKnownHosts). */
  readonly hashed?: boolean | undefined;
  readonly comment?: string | undefined;
}

/**
 * Appends one line for a host. What was there stays as it was; a missing final line feed is added first.
 *
 * @throws SshError `misuse` where the name or comment could not stand in a line (blanks, commas, wildcards, line feeds):
 *   a name taken from a link must not become a pattern or a second line.
 */
export function addHost(text: string, entry: NewHost): string {
  const name = formatHostName(requireHostName(entry.host), requirePort(entry.port));
  const comment = requireComment(entry.comment ?? '');
  const key = entry.key.plain;
  const hosts = entry.hashed === true ? formatHashedHost(name) : name;
  const line = `${hosts} ${key.type} ${key.blob.toString('base64')}${comment === '' ? '' : ` ${comment}`}`;
  const gap = text === '' || text.endsWith('\n') ? '' : '\n';
  return `${text}${gap}${line}\n`;
}

/**
 * Removes every plain line that covers a host (`ssh-keygen -R`); lines with a marker stay, and so do lines that cannot be read.
 *
 * @param host - as it stands in the file: `example.com`, or `[example.com]:2222` for another port.
 */
export function removeHost(text: string, host: string): { text: string; removed: KnownHostsEntry[] } {
  const file = parseKnownHosts(text, { name: 'known_hosts' });
  const name = new HostName(host);
  const removed = file.entries.filter((entry) => entry.marker === undefined && name.matches(entry));
  const gone = new Set(removed.map((entry) => entry.line));
  return { text: file.lines.filter((_, index) => !gone.has(index + 1)).join('\n'), removed };
}

/** A name in its hashed form, `|1|salt|hash`, under a salt of its own. */
export function formatHashedHost(name: string): string {
  const salt = createHostSalt();
  return `${hashMagic}${salt.toString('base64')}|${hashHostName(salt, name).toString('base64')}`;
}

function requireHostName(host: string): string {
  if (host !== '' && !/[\s\p{Cc},*?!|[\]"]|^[#@]/u.test(host)) return host;
  throw new SshError(`"${JSON.stringify(host).slice(1, 60)}" cannot stand as a host name in known_hosts`, {
    code: 'misuse',
    stage: 'trust',
    remedy: 'Give the plain host name or address, without blanks, commas, brackets or wildcards.',
  });
}

function requirePort(port: number): number {
  if (Number.isInteger(port) && port > 0 && port < 65536) return port;
  throw new SshError(`${port} is no port, expected 1 to 65535`, { code: 'misuse', stage: 'trust' });
}

function requireComment(comment: string): string {
  if (!/\p{Cc}|\u2028|\u2029/u.test(comment)) return comment.trim();
  throw new SshError('a comment in known_hosts must not hold line breaks or control characters', {
    code: 'misuse',
    stage: 'trust',
  });
}
