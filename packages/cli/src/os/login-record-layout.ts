/** How glibc lays out struct utmp and struct lastlog, which differ between processors. */
import { isIPv4, isIPv6 } from 'node:net';

export interface LoginRecord {
  readonly type: number;
  readonly pid: number;
  readonly line: string;
  readonly id: string;
  readonly user: string;
  readonly host: string;
  readonly address: string | undefined;
  readonly at: Date;
}

/** utmp(5). */
export const recordTypes = { init: 5, user: 7, dead: 8 } as const;

/** x64 has the times of 32-bit programs (until 2106, read without a sign), arm64 its own of 64 bits. */
const isCompact = process.arch === 'x64';
const timeBytes = isCompact ? 4 : 8;

const typeAt = 0;
const pidAt = 4;
const lineAt = 8;
const idAt = 40;
const userAt = 44;
const hostAt = 76;
const nameBytes = 32;
const idBytes = 4;
const hostBytes = 256;
/** Behind the host stand the exit status and the session, which nobody sets. */
const secondsAt = isCompact ? 340 : 344;
const microsecondsAt = secondsAt + timeBytes;
const addressAt = microsecondsAt + timeBytes;

export const recordLayout = {
  typeAt,
  idAt,
  timeBytes,
  recordBytes: isCompact ? 384 : 400,
  lastLoginBytes: timeBytes + nameBytes + hostBytes,
} as const;

export function encodeRecord(record: LoginRecord): Buffer {
  const bytes = Buffer.alloc(recordLayout.recordBytes);
  bytes.writeInt16LE(record.type, typeAt);
  bytes.writeInt32LE(record.pid, pidAt);
  writeText(bytes, record.line, lineAt, nameBytes);
  writeText(bytes, record.id, idAt, idBytes);
  writeText(bytes, record.user, userAt, nameBytes);
  writeText(bytes, record.host, hostAt, hostBytes);
  writeTime(bytes, secondsAt, Math.floor(record.at.getTime() / 1000));
  writeTime(bytes, microsecondsAt, (record.at.getTime() % 1000) * 1000);
  encodeAddress(record.address ?? '').copy(bytes, addressAt);
  return bytes;
}

export function encodeLastLogin({ line, host, at }: Pick<LoginRecord, 'line' | 'host' | 'at'>): Buffer {
  const bytes = Buffer.alloc(recordLayout.lastLoginBytes);
  writeTime(bytes, 0, Math.floor(at.getTime() / 1000));
  writeText(bytes, line, timeBytes, nameBytes);
  writeText(bytes, host, timeBytes + nameBytes, hostBytes);
  return bytes;
}

/** What is too long is cut; a field that is full has no NUL. */
function writeText(bytes: Buffer, text: string, at: number, most: number): void {
  Buffer.from(text, 'utf8').copy(bytes, at, 0, most);
}

function writeTime(bytes: Buffer, at: number, value: number): void {
  if (timeBytes === 4) bytes.writeUInt32LE(value % 2 ** 32, at);
  else bytes.writeBigInt64LE(BigInt(value), at);
}

/** In network order: four bytes or sixteen. */
function encodeAddress(address: string): Buffer {
  const plain = address.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, '');
  if (isIPv4(plain)) return Buffer.from(plain.split('.').map(Number));
  if (!isIPv6(plain)) return Buffer.alloc(0);
  const words = (text: string) => (text === '' ? [] : text.split(':'));
  const [before = '', after] = plain.replace(/\d+\.\d+\.\d+\.\d+$/, toWords).split('::');
  const [head, tail] = [words(before), words(after ?? '')];
  const zeros = after === undefined ? 0 : 8 - head.length - tail.length;
  const all = [...head, ...Array<string>(zeros).fill('0'), ...tail];
  return Buffer.from(all.map((word) => word.padStart(4, '0')).join(''), 'hex');
}

function toWords(text: string): string {
  const hex = Buffer.from(text.split('.').map(Number)).toString('hex');
  return `${hex.slice(0, 4)}:${hex.slice(4)}`;
}
