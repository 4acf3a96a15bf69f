/** A line of known_hosts as ssh-keygen's edits see it: split into fields, the key itself left unread. */
import { maxPatternBytes } from '../limits.ts';
import { isKeyTypeName } from './key-type-names.ts';
import type { HostMarker } from './known-hosts.ts';

export interface KnownHostsLine {
  /** Counted from 1. */
  readonly line: number;
  /** As it stood, without its line feed. */
  readonly text: string;
  /** What OpenSSH would take it for. An invalid line trusts nobody. */
  readonly kind: 'comment' | 'entry' | 'invalid';
  readonly marker: HostMarker | undefined;
  /** The hosts field; empty where there is none. */
  readonly hosts: string;
  /** Key type, key and comment, as they stood. */
  readonly key: string;
}

/** Takes a line apart. */
export function readKnownHostsLine(text: string, line: number): KnownHostsLine {
  const content = text.replace(/^[ \t]+/, '');
  const nothing = { line, text, marker: undefined, hosts: '', key: '' };
  if (content === '' || content.startsWith('#')) return { ...nothing, kind: 'comment' };
  const marked = cutMarker(content);
  if (marked === undefined) return { ...nothing, kind: 'invalid' };
  const [, hosts = '', key = ''] = /^([^ \t]*)[ \t]*(.*)$/s.exec(marked.rest) ?? [];
  const kind = hosts.length <= maxPatternBytes && isKey(key) ? 'entry' : 'invalid';
  return { line, text, kind, marker: marked.marker, hosts, key };
}

/** The marker and what follows it; undefined for a marker that is unknown, or a second one. */
function cutMarker(content: string): { marker: HostMarker | undefined; rest: string } | undefined {
  if (!content.startsWith('@')) return { marker: undefined, rest: content };
  // A blank anywhere ends the word sooner than a tab does, in OpenSSH's reading.
  const blank = content.indexOf(' ');
  const end = blank < 0 ? content.indexOf('\t') : blank;
  const word = end < 0 ? '' : content.slice(0, end);
  const rest = content.slice(end).replace(/^[ \t]+/, '');
  if (rest.startsWith('@')) return undefined;
  if (word === '@cert-authority') return { marker: 'cert-authority', rest };
  return word === '@revoked' ? { marker: 'revoked', rest } : undefined;
}

/** A known type and at least the beginning of something behind it. */
function isKey(key: string): boolean {
  const found = /^([^ \t]+)[ \t]+[^ \t#]/.exec(key);
  return found !== null && isKeyTypeName(found[1] as string);
}
