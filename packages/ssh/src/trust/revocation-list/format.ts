/** The frame of a key revocation list (PROTOCOL.krl): header, sections, and how their flaws are told. */
import { SshError, type SshErrorInit } from '../../errors.ts';
import { printable, type WireReader, type WireWriter } from '../../wire/index.ts';

/** "SSHKRL\n\0" */
export const magic = Buffer.from('SSHKRL\n\0', 'latin1');
export const formatVersion = 1;

export const sectionTypes = {
  certificates: 1,
  explicitKeys: 2,
  sha1: 3,
  signature: 4,
  sha256: 5,
  extension: 255,
} as const;

export const certificateSectionTypes = {
  serialList: 0x20,
  serialRange: 0x21,
  serialBitmap: 0x22,
  keyIds: 0x23,
  extension: 0x39,
} as const;

export interface Header {
  readonly version: bigint;
  /** Seconds since 1970. */
  readonly generatedAt: bigint;
  readonly comment: Uint8Array;
}

/** Reads what stands between the magic and the first section. */
export function readHeader(reader: WireReader): Header {
  const format = reader.uint32('format version');
  if (format !== formatVersion) throw reader.error(`format version ${format}, expected ${formatVersion}`);
  const version = reader.uint64('version');
  const generatedAt = reader.uint64('generated date');
  // No flags are defined, and the reserved field is for whoever defines it.
  reader.uint64('flags');
  reader.string('reserved');
  const comment = reader.string('comment');
  if (comment.includes(0)) throw reader.error('the comment holds a NUL');
  return { version, generatedAt, comment };
}

export function writeHeader(writer: WireWriter, { version, generatedAt, comment }: Header): void {
  writer.fixed(magic).uint32(formatVersion).uint64(version).uint64(generatedAt).uint64(0n).string('').string(comment);
}

/** The bytes that sections lie in. Sections are named by where they begin, so that a hundred thousand need no objects. */
export interface Source {
  readonly bytes: Buffer;
  readonly view: DataView;
  /** The file, for errors. */
  readonly name: string;
}

export function sourceOf(bytes: Buffer, name: string): Source {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), name };
}

/** A section's type and length, in front of its data. */
export const sectionHeadBytes = 5;

/** Where the data of the section ends that begins at `at`; its head and its data must lie before `limit`. */
export function endOfSection(source: Source, at: number, limit: number): number {
  if (limit - at < sectionHeadBytes) throw flawed(source, at, 'the section is cut short');
  return stringEnd(source, at + 1, limit);
}

/** Where the string ends whose length stands at `at`. */
export function stringEnd(source: Source, at: number, limit: number): number {
  if (limit - at < 4) throw flawed(source, at, `a length needs 4 bytes where ${limit - at} remain`);
  const length = source.view.getUint32(at);
  if (length > limit - at - 4) throw flawed(source, at, `${length} bytes are claimed where ${limit - at - 4} remain`);
  return at + 4 + length;
}

/** A list that cannot be read: whoever asked it must take every key for revoked. */
export function flawed(source: Source, at: number, detail: string, init: Partial<SshErrorInit> = {}): SshError {
  return listError(source.name, `${detail} (at byte ${at})`, init);
}

export function listError(name: string, detail: string, init: Partial<SshErrorInit> = {}): SshError {
  return new SshError(`${printable(name)}: ${detail}`, {
    code: 'bad-file',
    stage: 'trust',
    remedy: 'Until the revocation list can be read, every key counts as revoked: put back a whole one.',
    ...init,
  });
}
