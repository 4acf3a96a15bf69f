/** Changes to known_hosts as text: finding, adding, removing and hashing hosts without touching any other line. */
import { createHostSalt, hashHostName } from '../crypto/hashed-host.ts';
import { SshError } from '../errors.ts';
import type { PublicKey } from '../keys/types.ts';
import { HostMatcher, hashMagic, isHashedHost } from './host-matcher.ts';
import { formatHostName } from './host-name.ts';
import { type KnownHostsLine, readKnownHostsLine } from './known-hosts-line.ts';

export type { KnownHostsLine } from './known-hosts-line.ts';

export interface NewHost {
  readonly host: string;
  readonly port: number;
  /** The key to trust; of a certificate, its subject key. */
  readonly key: PublicKey;
  /** A second name of the same server: its address. Hidden names take a line each. */
  readonly also?: { readonly host: string; readonly port: number } | undefined;
  /** Hides the name (HashKnownHosts). */
  readonly hashed?: boolean | undefined;
  readonly comment?: string | undefined;
}

/**
 * Appends a line for a host. What was there stays as it was; a missing final line feed is added first.
 *
 * @throws SshError `misuse` where the name or comment could not stand in a line (blanks, commas, wildcards, line feeds):
 *   a name taken from a link must not become a pattern or a second line.
 */
export function addHost(text: string, entry: NewHost): string {
  const names = [entry, ...(entry.also === undefined ? [] : [entry.also])].map(({ host, port }) =>
    formatHostName(requireHostName(host), requirePort(port)),
  );
  const comment = requireComment(entry.comment ?? '');
  const key = entry.key.plain;
  const rest = `${key.type} ${key.blob.toString('base64')}${comment === '' ? '' : ` ${comment}`}\n`;
  const hosts = entry.hashed === true ? names.map(formatHashedHost) : [names.join(',')];
  const gap = text === '' || text.endsWith('\n') ? '' : '\n';
  return `${text}${gap}${hosts.map((each) => `${each} ${rest}`).join('')}`;
}

export interface HostLookUp {
  /** Looks for hashed names exactly as typed, which finds no capital letter: OpenSSH's tools do. Default: in lower case. */
  readonly hashedAsTyped?: boolean | undefined;
}

/**
 * The lines that cover a host, whatever their marker (`ssh-keygen -F`). Their keys are not read: `parseKnownHosts` does that.
 *
 * @param host - as it stands in the file: `example.com`, or `[example.com]:2222` for another port.
 */
export function findHostLines(text: string, host: string, options: HostLookUp = {}): KnownHostsLine[] {
  const name = matcherOf(host, options);
  const found: KnownHostsLine[] = [];
  for (const { line, number } of name.candidates(text)) {
    const read = readKnownHostsLine(line, number);
    if (read.kind === 'entry' && name.matches(read.hosts)) found.push(read);
  }
  return found;
}

export interface RemovedHost {
  readonly text: string;
  readonly removed: readonly KnownHostsLine[];
  /** Lines that cannot be read. They are kept; OpenSSH leaves a file alone that has any. */
  readonly invalid: readonly KnownHostsLine[];
}

/**
 * Removes every plain line that covers a host (`ssh-keygen -R`); a line that names other hosts as well goes too. Lines with a
 * marker stay, and so do lines that cannot be read.
 *
 * @param host - as for `findHostLines`.
 */
export function removeHost(text: string, host: string, options: HostLookUp = {}): RemovedHost {
  const name = matcherOf(host, options);
  const removed: KnownHostsLine[] = [];
  const invalid: KnownHostsLine[] = [];
  const edited = editLines(text, (line) => {
    if (line.kind === 'comment') return undefined;
    if (line.kind === 'invalid' || isBadHash(line.hosts)) invalid.push(line);
    else if (line.marker === undefined && name.matches(line.hosts)) {
      removed.push(line);
      return [];
    }
    return undefined;
  });
  return { text: edited, removed, invalid };
}

export interface HashedHosts {
  readonly text: string;
  /** How many names were hashed. */
  readonly hashedCount: number;
  /** Lines with wildcards, which have no hashed form and stay as they are. */
  readonly wildcards: readonly KnownHostsLine[];
  /** Lines that cannot be read. They are kept; OpenSSH leaves a file alone that has any. */
  readonly invalid: readonly KnownHostsLine[];
}

/** Hides every plain name (`ssh-keygen -H`), a line a name. Lines with markers or wildcards, and names that are hashed, stay. */
export function hashHosts(text: string): HashedHosts {
  let hashedCount = 0;
  const wildcards: KnownHostsLine[] = [];
  const invalid: KnownHostsLine[] = [];
  const edited = editLines(text, (line) => {
    if (line.kind === 'invalid') invalid.push(line);
    if (line.kind !== 'entry') return undefined;
    const lines = hashLine(line);
    if (lines === undefined) {
      if (hasWildcards(line)) wildcards.push(line);
    } else hashedCount += lines.length;
    return lines;
  });
  return { text: edited, hashedCount, wildcards, invalid };
}

/** The lines that hide the names of one; undefined where it is to stay as it is. */
export function hashLine(line: KnownHostsLine): string[] | undefined {
  if (line.hosts.startsWith('|') || line.marker !== undefined || hasWildcards(line)) return undefined;
  const names = line.hosts.split(',').filter((name) => name !== '');
  // OpenSSH stops at an empty name, and loses those behind it.
  return names.length === 0 ? undefined : names.map((name) => `${formatHashedHost(name.toLowerCase())} ${line.key}`);
}

function hasWildcards(line: KnownHostsLine): boolean {
  return /[*?!]/.test(line.hosts);
}

/** A name in its hashed form, `|1|salt|hash`, under a salt of its own. */
export function formatHashedHost(name: string): string {
  const salt = createHostSalt();
  return `${hashMagic}${salt.toString('base64')}|${hashHostName(salt, name).toString('base64')}`;
}

/** The text with some lines replaced; whatever an edit does not ask for stays byte for byte. */
function editLines(text: string, edit: (line: KnownHostsLine) => readonly string[] | undefined): string {
  const parts: string[] = [];
  let keptFrom = 0;
  let number = 0;
  for (let at = 0; at < text.length; ) {
    const newline = text.indexOf('\n', at);
    const end = newline < 0 ? text.length : newline;
    const next = newline < 0 ? text.length : newline + 1;
    const lines = edit(readKnownHostsLine(text.slice(at, end), ++number));
    if (lines !== undefined) {
      parts.push(text.slice(keptFrom, at), lines.join('\n'), lines.length > 0 ? text.slice(end, next) : '');
      keptFrom = next;
    }
    at = next;
  }
  return keptFrom === 0 ? text : parts.join('') + text.slice(keptFrom);
}

function matcherOf(host: string, { hashedAsTyped = false }: HostLookUp): HostMatcher {
  return new HostMatcher(hashedAsTyped ? host : host.toLowerCase());
}

function isBadHash(hosts: string): boolean {
  return hosts.startsWith('|') && !isHashedHost(hosts);
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
