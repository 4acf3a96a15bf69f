/** known_hosts files: text or bytes in, entries out (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). */
import { decodePublicKey } from '../keys/public-key.ts';
import type { PublicKey } from '../keys/types.ts';
import { maxPatternBytes } from '../limits.ts';
import { HostMatcher, isHashedHost } from './host-matcher.ts';
import {
  contentOf,
  cutField,
  keyFieldsFlaw,
  type LineProblem,
  lineFlaw,
  requireFileLength,
  shown,
  splitLines,
} from './trust-file.ts';
import { type TrustText, textOf } from './trust-text.ts';

export type HostMarker = 'cert-authority' | 'revoked';

/** A file as read: every line verbatim, and what the good ones say. */
export interface KnownHosts {
  readonly name: string;
  /** Every line as it stood, without line feeds; the last one is empty where the file ends with one. */
  readonly lines: readonly string[];
  readonly entries: readonly KnownHostsEntry[];
  /** Lines that say nothing that can be understood. They are skipped: no key is trusted through them. */
  readonly problems: readonly LineProblem[];
  /** The entries that cover a name, whatever their marker, in file order. */
  find(name: string): KnownHostsEntry[];
}

/**
 * Parses a known_hosts file. What is not asked for is not read: looking a host up in a large file takes the lines apart that may
 * be about it, and leaves the others.
 *
 * @param text - the text, or better the bytes as they were read: of a large file most never become text.
 * @param options - `name` is the file's name for reports.
 * @throws SshError `limit-exceeded` for a file too large to be one.
 * @example
 * const known = parseKnownHosts(await readFile(path), { name: path });
 */
export function parseKnownHosts(text: TrustText, options: { name: string }): KnownHosts {
  requireFileLength(text, options.name);
  return new KnownHostsFile(text, options.name);
}

class KnownHostsFile implements KnownHosts {
  readonly name: string;
  readonly #text: TrustText;
  #lines: readonly string[] | undefined;
  #parsed: Pick<KnownHosts, 'entries' | 'problems'> | undefined;

  constructor(text: TrustText, name: string) {
    this.#text = text;
    this.name = name;
  }

  get lines(): readonly string[] {
    this.#lines ??= splitLines(textOf(this.#text), this.name);
    return this.#lines;
  }

  get entries(): readonly KnownHostsEntry[] {
    return this.#parse().entries;
  }

  get problems(): readonly LineProblem[] {
    return this.#parse().problems;
  }

  find(name: string): KnownHostsEntry[] {
    // Names are hashed in lower case.
    const host = new HostMatcher(name.toLowerCase());
    const found: KnownHostsEntry[] = [];
    for (const { line, number } of host.candidates(this.#text)) {
      const entry = parseLine(line, number, this.name);
      if (typeof entry === 'object' && host.matches(entry.hosts)) found.push(entry);
    }
    return found;
  }

  #parse(): Pick<KnownHosts, 'entries' | 'problems'> {
    if (this.#parsed !== undefined) return this.#parsed;
    const entries: KnownHostsEntry[] = [];
    const problems: LineProblem[] = [];
    for (const [index, line] of this.lines.entries()) {
      const parsed = parseLine(line, index + 1, this.name);
      if (typeof parsed === 'string') problems.push({ file: this.name, line: index + 1, reason: parsed });
      else if (parsed !== undefined) entries.push(parsed);
    }
    this.#parsed = { entries, problems };
    return this.#parsed;
  }
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

/** The entries of some files that cover a name, whatever their marker, in file order (`ssh-keygen -F`). */
export function findHostEntries(files: readonly KnownHosts[], name: string): KnownHostsEntry[] {
  return files.flatMap((file) => file.find(name));
}

const markers: Readonly<Record<string, HostMarker>> = { '@cert-authority': 'cert-authority', '@revoked': 'revoked' };

/** The entry, or why there is none; undefined for comments and empty lines. */
function parseLine(line: string, number: number, file: string): KnownHostsEntry | string | undefined {
  const content = contentOf(line);
  return content === undefined
    ? undefined
    : (lineFlaw(line) ?? parseEntry(content, { file, line: number, text: line }));
}

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
  if (hosts.startsWith('|') && !isHashedHost(hosts)) return 'the hashed host name is not of the form |1|salt|hash';
  if (hosts.length > maxPatternBytes) return `the hosts field is longer than ${maxPatternBytes} characters`;
  const flaw = keyFieldsFlaw(keyType, keyText);
  if (flaw !== undefined) return flaw;
  if (marker === 'cert-authority' && keyType.includes('-cert-v0'))
    return 'a certificate cannot be a certificate authority';
  return new KnownHostsEntry({ ...at, marker, hosts, keyType, keyText, comment });
}
