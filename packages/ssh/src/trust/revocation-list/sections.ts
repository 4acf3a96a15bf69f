/** The sections of a key revocation list (PROTOCOL.krl), and the subsections of one about certificates: a row each. */

import { decodePublicKey } from '../../keys/public-key.ts';
import type { PublicKey } from '../../keys/types.ts';
import { maxRevocationAuthorities } from '../../limits.ts';
import { WireReader } from '../../wire/index.ts';
import {
  certificateSectionTypes,
  endOfSection,
  flawed,
  type Source,
  sectionHeadBytes,
  sectionTypes,
  stringEnd,
} from './format.ts';
import { serialForms } from './serial-forms/table.ts';
import { SerialSet } from './serial-set.ts';
import { StringSet } from './string-set.ts';

/** The certificates that are revoked of one authority, or of all. */
export interface RevokedCertificates {
  /** Undefined where it is any authority. */
  readonly authority: PublicKey | undefined;
  readonly serials: SerialSet;
  readonly keyIds: StringSet;
}

/** What has been read of a list. */
export interface Contents {
  readonly source: Source;
  readonly keys: StringSet;
  readonly sha1s: StringSet;
  readonly sha256s: StringSet;
  /** By the authority's blob, one character a byte; the empty one is any authority. */
  readonly certificates: Map<string, RevokedCertificates>;
}

export function emptyContents(source: Source): Contents {
  return {
    source,
    keys: new StringSet(source),
    sha1s: new StringSet(source, 20),
    sha256s: new StringSet(source, 32),
    certificates: new Map(),
  };
}

interface SectionRow<Into> {
  readonly type: number;
  /** @returns where the next section begins. */
  read(into: Into, start: number, end: number, limit: number): number;
}

const listSections: readonly SectionRow<Contents>[] = [
  { type: sectionTypes.certificates, read: readCertificates },
  { type: sectionTypes.explicitKeys, read: ({ keys }, start, end) => addStrings(keys, start, end) },
  { type: sectionTypes.sha1, read: ({ sha1s }, start, end) => addStrings(sha1s, start, end) },
  { type: sectionTypes.sha256, read: ({ sha256s }, start, end) => addStrings(sha256s, start, end) },
  // The key is followed by a signature of its own. OpenSSH passes over both, and recommends SSHSIG.
  { type: sectionTypes.signature, read: ({ source }, _start, end, limit) => stringEnd(source, end, limit) },
  { type: sectionTypes.extension, read: ({ source }, start, end) => passExtension(source, start, end) },
];

interface Subsection {
  readonly source: Source;
  readonly revoked: RevokedCertificates;
}

const certificateSections: readonly SectionRow<Subsection>[] = [
  ...serialForms.map((form) => ({
    type: form.type,
    read({ revoked }: Subsection, start: number, end: number) {
      revoked.serials.add(form, start, end);
      return end;
    },
  })),
  { type: certificateSectionTypes.keyIds, read: readKeyIds },
  { type: certificateSectionTypes.extension, read: ({ source }, start, end) => passExtension(source, start, end) },
];

/** Reads all sections from `start` on. */
export function readSections(contents: Contents, start: number): void {
  const { source } = contents;
  readAll(listSections, contents, source, start, source.bytes.length, 'section');
  for (const { serials } of contents.certificates.values()) serials.finish();
}

function readAll<Into>(
  rows: readonly SectionRow<Into>[],
  into: Into,
  source: Source,
  start: number,
  limit: number,
  what: string,
): void {
  // By number: a list may have a section for each range of serials.
  const byType: (SectionRow<Into> | undefined)[] = [];
  for (const row of rows) byType[row.type] = row;
  for (let at = start; at < limit; ) {
    const type = source.bytes[at] as number;
    const row = byType[type];
    // What is not understood may revoke keys: to pass over it would let them in.
    if (row === undefined) throw flawed(source, at, `unsupported ${what} ${type}`, { code: 'unsupported' });
    at = row.read(into, at, endOfSection(source, at, limit), limit);
  }
}

function readCertificates(contents: Contents, start: number, end: number): number {
  const { source } = contents;
  const authorityStart = start + sectionHeadBytes;
  const authorityEnd = stringEnd(source, authorityStart, end);
  const reservedEnd = stringEnd(source, authorityEnd, end);
  const revoked = findAuthority(contents, authorityStart, authorityEnd);
  readAll(certificateSections, { source, revoked }, source, reservedEnd, end, 'section about certificates');
  return end;
}

function findAuthority({ certificates, source }: Contents, start: number, end: number): RevokedCertificates {
  const blob = source.bytes.subarray(start + 4, end);
  const id = blob.toString('latin1');
  const known = certificates.get(id);
  if (known !== undefined) return known;
  if (certificates.size >= maxRevocationAuthorities) {
    throw flawed(source, start, `more than ${maxRevocationAuthorities} authorities`, { code: 'limit-exceeded' });
  }
  const authority = blob.length === 0 ? undefined : decodeAuthority(source, start, blob);
  const revoked = { authority, serials: new SerialSet(source), keyIds: new StringSet(source) };
  certificates.set(id, revoked);
  return revoked;
}

function decodeAuthority(source: Source, at: number, blob: Buffer): PublicKey {
  try {
    const key = decodePublicKey(blob);
    if (key.certificate === undefined) return key;
  } catch (cause) {
    throw flawed(source, at, 'an authority that is no key', { cause });
  }
  throw flawed(source, at, 'an authority that is a certificate, expected a plain key');
}

function addStrings(strings: StringSet, start: number, end: number): number {
  strings.add(start, end);
  return end;
}

function readKeyIds({ source, revoked }: Subsection, start: number, end: number): number {
  revoked.keyIds.add(start, end);
  // Text for C programs: one of them would take what stands before a NUL for the whole.
  for (let at = start + sectionHeadBytes; at < end; at = stringEnd(source, at, end)) {
    if (source.bytes.subarray(at + 4, stringEnd(source, at, end)).includes(0)) {
      throw flawed(source, at, 'a key id that holds a NUL');
    }
  }
  return end;
}

/** No extension is known here: one that is critical makes the list unreadable, others may be passed over. */
function passExtension(source: Source, start: number, end: number): number {
  const reader = new WireReader(source.bytes, 'extension', start + sectionHeadBytes, end);
  const name = reader.text('name', 1024);
  const isCritical = reader.boolean('critical');
  reader.string('contents');
  reader.finish();
  if (isCritical) {
    throw flawed(source, start, `unsupported critical extension "${name}"`, { code: 'unsupported' });
  }
  return end;
}
