/** known_hosts files: text in, entries out (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). */
import { hashedHostBytes, hashHostName } from '../crypto/hashed-host.ts';
import { decodePublicKey } from '../keys/index.ts';
import type { PublicKey } from '../keys/types.ts';
import { maxPatternBytes } from '../limits.ts';
import { matchHostPatternList } from './patterns.ts';
import { contentOf, cutField, keyFieldsFlaw, type LineProblem, lineFlaw, shown, splitLines } from './trust-file.ts';

export type HostMarker = 'cert-authority' | 'revoked';

/** A file as read: every line verbatim, and what the good ones say. */
export interface KnownHosts {
  readonly name: string;
  /** Every line as it stood, without line feeds; the last one is empty where the file ends with one. */
  readonly lines: readonly string[];
  readonly entries: readonly KnownHostsEntry[];
  /** Lines that say nothing that can be understood. They are skipped: no key is trusted through them. */
  readonly problems: readonly LineProblem[];
}

/**
 * Parses a known_hosts file. Keys are decoded only when they are asked for, so large files cost little.
 *
 * @param options - `name` is the file's name for reports.
 * @throws SshError `limit-exceeded` for a file too large to be one.
 * @example
 * const known = parseKnownHosts(await readFile(path, 'utf8'), { name: path });
 */
export function parseKnownHosts(text: string, options: { name: string }): KnownHosts {
  const file = options.name;
  const lines = splitLines(text, file);
  const entries: KnownHostsEntry[] = [];
  const problems: LineProblem[] = [];
  for (const [index, line] of lines.entries()) {
    const content = contentOf(line);
    if (content === undefined) continue;
    const parsed = lineFlaw(line) ?? parseEntry(content, { file, line: index + 1, text: line });
    if (typeof parsed === 'string') problems.push({ file, line: index + 1, reason: parsed });
    else entries.push(parsed);
  }
  return { name: file, lines, entries, problems };
}

interface EntryFields {
  readonly file: string;
  readonly line: number;
  readonly text: string;
  readonly marker: HostMarker | undefined;
  readonly hosts: string;
  readonly keyType: string;
  readonly keyText: string;
  readonly comment: string;
}

/** One good line of known_hosts. */
export class KnownHostsEntry {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly text: string;
  readonly marker: HostMarker | undefined;
  /** The hosts field: a pattern list, or one hashed name. */
  readonly hosts: string;
  readonly keyType: string;
  readonly comment: string;
  readonly #keyText: string;
  #blob: Buffer | undefined;

  constructor(fields: EntryFields) {
    this.file = fields.file;
    this.line = fields.line;
    this.text = fields.text;
    this.marker = fields.marker;
    this.hosts = fields.hosts;
    this.keyType = fields.keyType;
    this.comment = fields.comment;
    this.#keyText = fields.keyText;
  }

  get hashed(): boolean {
    return this.hosts.startsWith('|');
  }

  /** The key's wire form. */
  get blob(): Buffer {
    this.#blob ??= Buffer.from(this.#keyText, 'base64');
    return this.#blob;
  }

  /**
   * The key itself.
   *
   * @throws SshError `bad-key` where the blob is no key of a type known here.
   */
  decodeKey(): PublicKey {
    return decodePublicKey(this.blob);
  }
}

/** A name to look up, with the hashes already computed for it: files often share one salt among many lines. */
export class HostName {
  readonly name: string;
  readonly #hashes = new Map<string, string>();

  constructor(name: string) {
    this.name = name.toLowerCase();
  }

  /** Whether an entry's hosts field covers this name. */
  matches(entry: KnownHostsEntry): boolean {
    if (!entry.hashed) return matchHostPatternList(this.name, entry.hosts) === 'match';
    const end = entry.hosts.lastIndexOf('|');
    const salt = entry.hosts.slice(hashMagic.length, end);
    let hash = this.#hashes.get(salt);
    if (hash === undefined) {
      hash = hashHostName(Buffer.from(salt, 'base64'), this.name).toString('base64');
      this.#hashes.set(salt, hash);
    }
    return entry.hosts.slice(end + 1) === hash;
  }
}

/** The entries of some files that cover a name, whatever their marker, in file order (`ssh-keygen -F`). */
export function findHostEntries(files: readonly KnownHosts[], name: string): KnownHostsEntry[] {
  const host = new HostName(name);
  return files.flatMap((file) => file.entries.filter((entry) => host.matches(entry)));
}

const markers: Readonly<Record<string, HostMarker>> = { '@cert-authority': 'cert-authority', '@revoked': 'revoked' };
export const hashMagic = '|1|';
/** `|1|` + 20 bytes of salt + `|` + 20 bytes of hash, in base64. */
const hashedHost = new RegExp(
  `^\\|1\\|[A-Za-z0-9+/]{${Math.floor((hashedHostBytes * 4) / 3) + 1}}=\\|[A-Za-z0-9+/]{27}=$`,
);

/** The entry, or why there is none. */
function parseEntry(content: string, at: { file: string; line: number; text: string }): KnownHostsEntry | string {
  let marker: HostMarker | undefined;
  let rest = content;
  if (rest.startsWith('@')) {
    const [word, behind] = cutField(rest);
    marker = Object.hasOwn(markers, word) ? markers[word] : undefined;
    // Go CVE-2026-42508: a marker that is not understood must not turn the line into a plain, trusted one.
    if (marker === undefined) return `the marker "${shown(word)}" is unknown`;
    if (behind.startsWith('@')) return 'the line has two markers';
    rest = behind;
  }
  const [hosts, afterHosts] = cutField(rest);
  const [keyType, afterType] = cutField(afterHosts);
  const [keyText, comment] = cutField(afterType);
  if (hosts.startsWith('|') && !hashedHost.test(hosts)) return 'the hashed host name is not of the form |1|salt|hash';
  if (hosts.length > maxPatternBytes) return `the hosts field is longer than ${maxPatternBytes} characters`;
  const flaw = keyFieldsFlaw(keyType, keyText);
  if (flaw !== undefined) return flaw;
  if (marker === 'cert-authority' && keyType.includes('-cert-v0'))
    return 'a certificate cannot be a certificate authority';
  return new KnownHostsEntry({ ...at, marker, hosts, keyType, keyText, comment });
}
