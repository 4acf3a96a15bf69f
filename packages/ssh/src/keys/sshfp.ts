/** SSHFP records: fingerprints of host keys in DNS (RFC 4255, RFC 6594, RFC 7479). */
import { hash, timingSafeEqual } from '../crypto/hash.ts';
import { badKey } from './key-error.ts';
import type { PublicKey } from './types.ts';

export type SshfpHash = 'sha1' | 'sha256';

/** One record's data. Unknown numbers are kept: a zone may know more than this program. */
export interface SshfpRecord {
  /** 1 RSA, 2 DSA, 3 ECDSA, 4 Ed25519, 6 Ed448. */
  readonly algorithm: number;
  /** 1 SHA-1, 2 SHA-256. */
  readonly hashType: number;
  readonly fingerprint: Buffer;
}

/** A record and the name that stands before it. */
export interface NamedSshfpRecord extends SshfpRecord {
  readonly host: string;
}

export interface FormatSshfpOptions {
  /** Default: one record for each, SHA-1 first, as ssh-keygen -r prints them. */
  hashes?: readonly SshfpHash[];
  /** The form for unknown types (RFC 3597), for name servers that do not know SSHFP. */
  generic?: boolean;
}

/** DNS type number of SSHFP (RFC 4255 §5). */
const recordType = 44;

/** RFC 4255 §3.1.1, RFC 6594 §3.1, RFC 7479 §2. There are no numbers for security keys. */
const algorithms: ReadonlyMap<string, number> = new Map([
  ['ssh-rsa', 1],
  ['ecdsa-sha2-nistp256', 3],
  ['ecdsa-sha2-nistp384', 3],
  ['ecdsa-sha2-nistp521', 3],
  ['ssh-ed25519', 4],
]);

const hashes: readonly { readonly name: SshfpHash; readonly type: number; readonly bytes: number }[] = [
  { name: 'sha1', type: 1, bytes: 20 },
  { name: 'sha256', type: 2, bytes: 32 },
];

/** A record of DNS is not larger. */
const maxDataBytes = 0xffff;
const maxLineCharacters = 256 * 1024;

/**
 * The record for a key.
 *
 * @throws SshError `unsupported` for certificates and types that have no number (security keys).
 */
export function sshfpRecord(key: PublicKey, hashName: SshfpHash): SshfpRecord {
  const algorithm = algorithms.get(key.type);
  if (algorithm === undefined) {
    throw badKey(`there are no SSHFP records for ${key.type} keys`, {
      code: 'unsupported',
      remedy: 'Publish the records of the plain host key.',
    });
  }
  const row = hashes.find(({ name }) => name === hashName);
  if (row === undefined) throw badKey(`there are no SSHFP records with hash ${hashName}`, { code: 'unsupported' });
  return { algorithm, hashType: row.type, fingerprint: hash(row.name, key.blob) };
}

/**
 * The lines of a zone file for a host's key, each with a newline, as `ssh-keygen -r` prints them.
 *
 * @param host - the owner name, written as it is given.
 * @throws SshError `unsupported` as `sshfpRecord`; `misuse` for a name that would not stay one word of the line.
 * @example
 * formatSshfp('host.example.', key); // "host.example. IN SSHFP 4 1 …\nhost.example. IN SSHFP 4 2 …\n"
 */
export function formatSshfp(host: string, key: PublicKey, options: FormatSshfpOptions = {}): string {
  const { hashes: names = ['sha1', 'sha256'], generic = false } = options;
  if (host === '' || /[\0-\x20\x7f;()"]/.test(host)) {
    throw badKey('a host name for DNS is one word without quotes, brackets and semicolons', { code: 'misuse' });
  }
  const lines = names.map((name) => {
    const { algorithm, hashType, fingerprint } = sshfpRecord(key, name);
    const hex = fingerprint.toString('hex');
    if (!generic) return `${host} IN SSHFP ${algorithm} ${hashType} ${hex}\n`;
    const two = (number: number): string => number.toString(16).padStart(2, '0');
    return `${host} IN TYPE${recordType} \\# ${2 + fingerprint.length} ${two(algorithm)} ${two(hashType)} ${hex}\n`;
  });
  return lines.join('');
}

/**
 * Reads one line of a zone file: `name [ttl] [IN] SSHFP algorithm hash hex` or the generic form with `TYPE44`. The hex may have
 * blanks in it and stand in brackets; a comment may follow.
 *
 * @throws SshError `bad-file` for anything else, and where the fingerprint is not as long as its hash.
 */
export function parseSshfp(line: string): NamedSshfpRecord {
  if (line.length > maxLineCharacters) throw badLine(`a line of ${line.length} characters`);
  const words = line
    .replace(/;.*$/s, '')
    .replace(/[()]/g, ' ')
    .trim()
    .split(/[ \t\r\n]+/);
  const host = words.shift();
  if (host === undefined || host === '') throw badLine('an empty line');
  // TTL and class come in either order, and neither has to be there.
  while (/^(\d+[smhdw]?|in)$/i.test(words[0] ?? '')) words.shift();
  const type = (words.shift() ?? '').toUpperCase();
  if (type === 'SSHFP') return { host, ...readPlain(words) };
  if (type === `TYPE${recordType}`) return { host, ...readGeneric(words) };
  throw badLine(type === '' ? 'no record type' : `a record of type ${type.slice(0, 20)}`);
}

/** Reads a record's data as a resolver gives it: algorithm, hash type, fingerprint (RFC 4255 §3.1). */
export function decodeSshfp(data: Uint8Array): SshfpRecord {
  const [algorithm, hashType] = data;
  if (algorithm === undefined || hashType === undefined || data.length > maxDataBytes) {
    throw badLine(`${data.length} bytes of data`);
  }
  return requireLength({ algorithm, hashType, fingerprint: Buffer.from(data.subarray(2)) });
}

/** Writes a record's data. */
export function encodeSshfp({ algorithm, hashType, fingerprint }: SshfpRecord): Buffer {
  return Buffer.concat([Buffer.of(algorithm, hashType), fingerprint]);
}

/**
 * What DNS says of a host key: `match`, `mismatch` (records of this type of key, but not of this key), or `absent` (none that can be
 * judged). Whether the answer came with DNSSEC is the caller's to know; without it a match proves nothing.
 *
 * One record that contradicts is a mismatch, whatever the others say: this is how OpenSSH reads them, and an attacker who can add
 * a record must not be able to add himself. Where there are SHA-256 records, SHA-1 ones do not count (RFC 6594 §4.1).
 */
export function matchSshfp(records: readonly SshfpRecord[], key: PublicKey): 'match' | 'mismatch' | 'absent' {
  const { plain } = key;
  const algorithm = algorithms.get(plain.type);
  const own = records.filter((record) => record.algorithm === algorithm);
  const strongest = [...hashes].reverse().find(({ type }) => own.some(({ hashType }) => hashType === type));
  if (strongest === undefined) return 'absent';
  const expected = hash(strongest.name, plain.blob);
  const matches = own
    .filter(({ hashType }) => hashType === strongest.type)
    .every(({ fingerprint }) => timingSafeEqual(fingerprint, expected));
  return matches ? 'match' : 'mismatch';
}

function readPlain([algorithm, hashType, ...hex]: readonly string[]): SshfpRecord {
  return requireLength({
    algorithm: readByte(algorithm, 'algorithm'),
    hashType: readByte(hashType, 'hash type'),
    fingerprint: readHex(hex),
  });
}

/** RFC 3597 §5: `\#`, the number of bytes, then those in hex. */
function readGeneric([mark, length, ...hex]: readonly string[]): SshfpRecord {
  if (mark !== '\\#' || !/^\d{1,5}$/.test(length ?? '')) throw badLine(`no "\\# length" after TYPE${recordType}`);
  const data = readHex(hex);
  if (data.length !== Number(length)) throw badLine(`${data.length} bytes of data where it says ${length}`);
  return decodeSshfp(data);
}

function readByte(text: string | undefined, field: string): number {
  if (text === undefined || !/^\d{1,3}$/.test(text) || Number(text) > 255) throw badLine(`no ${field} from 0 to 255`);
  return Number(text);
}

function readHex(words: readonly string[]): Buffer {
  const digits = words.join('');
  if (digits === '' || digits.length % 2 !== 0 || !/^[0-9a-fA-F]+$/.test(digits)) throw badLine('no hexadecimal data');
  if (digits.length > 2 * maxDataBytes) throw badLine(`${digits.length / 2} bytes of data`);
  return Buffer.from(digits, 'hex');
}

function requireLength(record: SshfpRecord): SshfpRecord {
  const row = hashes.find(({ type }) => type === record.hashType);
  if (row !== undefined && row.bytes !== record.fingerprint.length) {
    throw badLine(`a ${row.name} fingerprint of ${record.fingerprint.length} bytes, not ${row.bytes}`);
  }
  if (record.fingerprint.length === 0) throw badLine('an empty fingerprint');
  return record;
}

function badLine(found: string): Error {
  return badKey(`expected an SSHFP record (name IN SSHFP algorithm hash hex), found ${found}`, { code: 'bad-file' });
}
