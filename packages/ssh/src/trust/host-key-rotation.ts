/** Host key rotation in known_hosts: what a server's list of its keys changes there, and the file after it (UpdateHostKeys). */
import type { PublicKey } from '../keys/types.ts';
import { addHost } from './edit-known-hosts.ts';
import { HostMatcher } from './host-matcher.ts';
import { formatHostName } from './host-name.ts';
import { type KnownHosts, type KnownHostsEntry, parseKnownHosts } from './known-hosts.ts';

/** A host as it is looked up; HostKeyAlias is a host at port 22. */
export interface HostPlace {
  readonly host: string;
  readonly port: number;
}

/** The names that lines of a server may stand under. */
export interface RotationNames {
  readonly host: HostPlace;
  /** The address that was connected to, where addresses are looked up as well (CheckHostIP). */
  readonly address?: HostPlace | undefined;
}

/** Why files are left as they are: one of their lines says more than this server's name and one key. */
export type RotationObstacle = 'complex-line' | 'other-name' | 'old-key-elsewhere';

export type RotationPlan = {
  /** What was found, a line each, for logs. */
  readonly notes: readonly string[];
} & (
  | { readonly status: 'unchanged' }
  | { readonly status: 'left-alone'; readonly obstacle: RotationObstacle; readonly line: KnownHostsEntry }
  | {
      readonly status: 'update';
      /** Keys of the server that no line holds. Nothing vouches for them until the server has proved them. */
      readonly newKeys: readonly PublicKey[];
      /** Keys on file that the server no longer has, once for each line. */
      readonly oldKeys: readonly PublicKey[];
    }
);

/**
 * Compares the keys that a server announced with the lines of its name. As OpenSSH does, nothing is touched where a line has a
 * marker, a wildcard or more than two names, and where one of the keys, new or old, stands under another name as well: whoever
 * wrote that meant more than one server.
 *
 * @param files - the person's own, all of them.
 * @param keys - what the server announced, without keys of types that would not be accepted.
 */
export function planRotation(
  files: readonly KnownHosts[],
  names: RotationNames,
  keys: readonly PublicKey[],
): RotationPlan {
  const lookUp = new LookUp(names);
  const notes: string[] = [];
  const known = new Set<PublicKey>();
  const oldKeys: PublicKey[] = [];
  let complex: KnownHostsEntry | undefined;
  let otherName: KnownHostsEntry | undefined;
  for (const entry of files.flatMap((file) => file.entries)) {
    const at = `${entry.file}:${entry.line}`;
    const match = lookUp.match(entry);
    const same = keys.find((key) => key.blob.equals(entry.blob));
    if (!match.host && !match.address) {
      if (same === undefined) continue;
      otherName ??= entry;
      notes.push(`found ${same.type} key under different name/addr at ${at}`);
      continue;
    }
    const key = same ?? decodeOrSkip(entry);
    if (key === undefined) continue;
    if (entry.marker !== undefined) {
      complex ??= entry;
      notes.push(`hostkeys file ${at} has CA/revocation marker`);
      continue;
    }
    if (names.address !== undefined && entry.hosts.includes(',')) {
      if (!match.host) {
        otherName ??= entry;
        notes.push(`found address ${format(names.address)} against different hostname at ${at}`);
        continue;
      }
      if (!match.address) {
        otherName ??= entry;
        notes.push(`found hostname ${format(names.host)} against different address at ${at}`);
      }
    }
    if (isComplex(entry.hosts)) {
      complex ??= entry;
      notes.push(`hostkeys file ${at} complex host specification`);
    } else if (same !== undefined) {
      known.add(same);
      notes.push(`found ${same.type} key at ${at}`);
    } else {
      oldKeys.push(key);
      notes.push(`deprecated ${key.type} key at ${at}`);
    }
  }
  const newKeys = keys.filter((key) => !known.has(key));
  if (newKeys.length === 0 && oldKeys.length === 0) return { status: 'unchanged', notes };
  if (complex !== undefined) return { status: 'left-alone', obstacle: 'complex-line', line: complex, notes };
  if (otherName !== undefined) return { status: 'left-alone', obstacle: 'other-name', line: otherName, notes };
  const elsewhere = findElsewhere(files, lookUp, oldKeys);
  if (elsewhere !== undefined) return { status: 'left-alone', obstacle: 'old-key-elsewhere', line: elsewhere, notes };
  return { status: 'update', newKeys, oldKeys, notes };
}

export interface RotationChange {
  readonly kind: 'removed' | 'added' | 'host-added' | 'address-added';
  readonly key: PublicKey;
  /** Of the line that was removed. */
  readonly line?: number;
}

/**
 * The file with a server's present keys: plain lines of its names that hold another key go, keys that no line holds are added
 * at the end. Every other line stays as it is. A text that needs no change comes back as it was.
 *
 * @param keys - those that the file is to know; none where another file does.
 * @throws SshError `misuse` for a name that cannot stand in a line.
 */
export function rotateHostKeys(
  text: string,
  names: RotationNames,
  keys: readonly PublicKey[],
  options: { readonly name: string; readonly hashed?: boolean },
): { readonly text: string; readonly changes: readonly RotationChange[] } {
  const lookUp = new LookUp(names);
  const changes: RotationChange[] = [];
  const found = new Map<PublicKey, LineMatch>();
  const { lines, entries } = parseKnownHosts(text, { name: options.name });
  const removed = new Set<number>();
  for (const entry of entries) {
    const match = lookUp.match(entry);
    if ((!match.host && !match.address) || entry.marker !== undefined) continue;
    const same = keys.find((key) => key.blob.equals(entry.blob));
    const key = same ?? decodeOrSkip(entry);
    if (key === undefined) continue;
    if (same === undefined) {
      removed.add(entry.line);
      changes.push({ kind: 'removed', key, line: entry.line });
    } else {
      const before = found.get(same);
      found.set(same, {
        host: match.host || before?.host === true,
        address: match.address || before?.address === true,
      });
    }
  }
  let after = text;
  if (removed.size > 0) {
    after = lines.filter((_, index) => !removed.has(index + 1)).join('\n');
    if (after !== '' && !after.endsWith('\n')) after += '\n';
  }
  const { hashed = false } = options;
  for (const key of keys) {
    const match = found.get(key) ?? { host: false, address: false };
    const wantsAddress = names.address !== undefined && !match.address;
    if (match.host && !wantsAddress) continue;
    if (!match.host && (names.address === undefined || wantsAddress)) {
      after = addHost(after, { ...names.host, key, hashed, ...(names.address && { also: names.address }) });
      changes.push({ kind: 'added', key });
    } else {
      const missing = match.host ? (names.address as HostPlace) : names.host;
      after = addHost(after, { ...missing, key, hashed });
      changes.push({ kind: match.host ? 'address-added' : 'host-added', key });
    }
  }
  return { text: after, changes };
}

interface LineMatch {
  readonly host: boolean;
  readonly address: boolean;
}

class LookUp {
  readonly #host: HostMatcher;
  readonly #address: HostMatcher | undefined;

  constructor({ host, address }: RotationNames) {
    this.#host = new HostMatcher(format(host));
    this.#address = address && new HostMatcher(format(address));
  }

  match({ hosts }: KnownHostsEntry): LineMatch {
    return { host: this.#host.matches(hosts), address: this.#address?.matches(hosts) === true };
  }
}

function format({ host, port }: HostPlace): string {
  return formatHostName(host, port);
}

/** More than a name and an address, which is all that clients write. */
function isComplex(hosts: string): boolean {
  return /[*?]/.test(hosts) || hosts.split(',').length > 2;
}

/** A key that cannot be read is no key that the server had. */
function decodeOrSkip(entry: KnownHostsEntry): PublicKey | undefined {
  try {
    return entry.decodeKey();
  } catch {
    return undefined;
  }
}

function findElsewhere(
  files: readonly KnownHosts[],
  lookUp: LookUp,
  oldKeys: readonly PublicKey[],
): KnownHostsEntry | undefined {
  if (oldKeys.length === 0) return undefined;
  for (const entry of files.flatMap((file) => file.entries)) {
    if (!oldKeys.some((key) => key.blob.equals(entry.blob))) continue;
    const match = lookUp.match(entry);
    if (!match.host && !match.address) return entry;
  }
  return undefined;
}
