/** Records: what a source announces, a line each. They are rcp's, and no document but the programs defines them. */
import { maxShownBytes } from '../limits.ts';
import { printable } from '../wire/index.ts';
import { badScp } from './scp-error.ts';

/** Times of a file, in seconds since 1970. */
export interface ScpTimes {
  readonly modified: number;
  readonly accessed: number;
}

export type ScpRecord =
  /** A file: its bytes follow once the sink agrees. */
  | { readonly kind: 'file'; readonly mode: number; readonly size: number; readonly name: Buffer }
  /** A folder: what follows is inside it, up to `leave`. */
  | { readonly kind: 'folder'; readonly mode: number; readonly name: Buffer }
  | { readonly kind: 'leave' }
  /** Times of the file or folder that comes next. */
  | { readonly kind: 'times'; readonly times: ScpTimes }
  /** The source could not do something: 1 goes on with the next, 2 ends. */
  | { readonly kind: 'error'; readonly isFatal: boolean; readonly line: Buffer }
  /** No record at all: a shell's words, perhaps. */
  | { readonly kind: 'unknown'; readonly line: Buffer };

/** Later than any time a file can bear, and still exact. */
const maxSeconds = 2 ** 43;

/** Reads a line without its line feed. @throws SshError `protocol-error`, `limit-exceeded` */
export function parseRecord(line: Buffer): ScpRecord {
  // Words of a shell may begin with any of the letters.
  if (!isRecord(line)) return { kind: 'unknown', line };
  switch (line[0]) {
    case 0x01:
    case 0x02:
      return { kind: 'error', isFatal: line[0] === 2, line };
    case 0x45: // E
      return { kind: 'leave' };
    case 0x54: // T
      return { kind: 'times', times: parseTimes(line) };
    case 0x43: // C
      return { kind: 'file', ...parseEntry(line) };
    case 0x44: {
      // D
      const { mode, name } = parseEntry(line);
      return { kind: 'folder', mode, name };
    }
    default:
      throw badScp('an empty line where a record of scp belongs');
  }
}

export function formatTimes({ modified, accessed }: ScpTimes): Buffer {
  // Times before 1970 have no form here. Fractions are left out, as OpenSSH does.
  const seconds = (time: number) => Math.min(Math.max(0, Math.floor(time)), maxSeconds);
  return Buffer.from(`T${seconds(modified)} 0 ${seconds(accessed)} 0\n`, 'latin1');
}

/** The record of a file or a folder. @param name - must hold no line feed. */
export function formatEntry(kind: 'file' | 'folder', mode: number, size: number, name: Uint8Array): Buffer {
  const digits = (mode & 0o7777).toString(8).padStart(4, '0');
  const head = Buffer.from(`${kind === 'file' ? 'C' : 'D'}${digits} ${size} `, 'latin1');
  return Buffer.concat([head, name, Buffer.of(0x0a)]);
}

export const leaveRecord: Buffer = Buffer.from('E\n', 'latin1');

function isRecord(line: Buffer): boolean {
  return line.length === 0 || /^[\x01\x02]|^[CD][0-9-]+ |^T[0-9-]+ |^E$/.test(line.toString('latin1', 0, 40));
}

// The fields are matched in latin1, a character a byte: the name stays what it is.
const entryFields = /^[CD]([0-7]{4}) ([0-9]+) /;
const timesFields = /^T([0-9]+) ([0-9]{1,6}) ([0-9]+) ([0-9]{1,6})$/;

function parseEntry(line: Buffer): { mode: number; size: number; name: Buffer } {
  const match = entryFields.exec(line.toString('latin1'));
  if (match === null) throw badRecord('mode, size and name', line);
  const size = Number(match[2]);
  if (!Number.isSafeInteger(size)) {
    throw badScp(`a file of ${match[2]?.slice(0, 40)} bytes was announced`, { code: 'limit-exceeded' });
  }
  return { mode: Number.parseInt(match[1] as string, 8), size, name: line.subarray(match[0].length) };
}

function parseTimes(line: Buffer): ScpTimes {
  const match = timesFields.exec(line.toString('latin1'));
  if (match === null) throw badRecord('two times', line);
  const [modified, accessed] = [Number(match[1]), Number(match[3])];
  if (modified > maxSeconds || accessed > maxSeconds) throw badRecord('two times that a file can bear', line);
  return { modified: modified + Number(match[2]) / 1e6, accessed: accessed + Number(match[4]) / 1e6 };
}

function badRecord(wanted: string, line: Buffer) {
  return badScp(
    `a record of scp was to hold ${wanted}, but it is "${printable(line.subarray(0, maxShownBytes), 'one')}"`,
  );
}
