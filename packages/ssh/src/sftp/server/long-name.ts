/** The line for people that stands beside each name of a listing: as `ls -l` prints it. */

import { asBuffer } from '../../wire/index.ts';
import type { FileAttributes } from '../attributes.ts';

const types: ReadonlyMap<number, string> = new Map([
  [0o010000, 'p'],
  [0o020000, 'c'],
  [0o040000, 'd'],
  [0o060000, 'b'],
  [0o100000, '-'],
  [0o120000, 'l'],
  [0o140000, 's'],
]);
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
/** Older files, and those of the future, show the year in place of the hour. */
const recentSeconds = (365 * 24 * 60 * 60) / 2;

export interface LongNameFacts {
  readonly name: Buffer;
  readonly attributes: FileAttributes;
  readonly links: number;
  readonly user: string;
  readonly group: string;
  /** Seconds since 1970. */
  readonly now: number;
}

/** The line, the name's bytes as they are. */
export function formatLongName({ name, attributes, links, user, group, now }: LongNameFacts): Buffer {
  const { mode, size = 0, times } = attributes;
  const columns = [
    mode === undefined ? '?---------' : formatMode(mode),
    String(links).padStart(3),
    user.padEnd(8),
    group.padEnd(8),
    String(size).padStart(8),
    formatFileTime(times?.modified, now),
    '',
  ];
  const head = Buffer.from(columns.join(' '));
  const line = Buffer.allocUnsafe(head.length + name.length);
  line.set(head, 0);
  line.set(name, head.length);
  return asBuffer(line);
}

/** `drwxr-sr-t`, as strmode(3) writes it without its last blank. */
export function formatMode(mode: number): string {
  // Files of one folder nearly all have the same.
  if (mode !== lastMode.mode) lastMode = { mode, text: spellMode(mode) };
  return lastMode.text;
}

let lastMode = { mode: Number.NaN, text: '' };

function spellMode(mode: number): string {
  const triple = (shift: number, special: boolean, letter: string) => {
    const bits = mode >> shift;
    const run = bits & 1;
    const last = special ? (run ? letter : letter.toUpperCase()) : run ? 'x' : '-';
    return `${bits & 4 ? 'r' : '-'}${bits & 2 ? 'w' : '-'}${last}`;
  };
  const owner = triple(6, (mode & 0o4000) !== 0, 's');
  const group = triple(3, (mode & 0o2000) !== 0, 's');
  const others = triple(0, (mode & 0o1000) !== 0, 't');
  return `${types.get(mode & 0o170000) ?? '?'}${owner}${group}${others}`;
}

/** `Nov 23 02:49`, or with the year. @param now - seconds since 1970, as `seconds` are. */
export function formatFileTime(seconds: number | undefined, now: number): string {
  // Half of one: there was a time zone that was half a minute off.
  const halfMinute = Math.floor((seconds ?? 0) / 30);
  const isRecent = seconds !== undefined && now >= seconds && now - seconds < recentSeconds;
  // Files of one folder are often as old as the one before: what a calendar says costs more than the rest of the line.
  if (halfMinute === last.halfMinute && isRecent === last.isRecent) return last.text;
  last = { halfMinute, isRecent, text: formatTime(seconds, isRecent) };
  return last.text;
}

let last = { halfMinute: Number.NaN, isRecent: false, text: '' };

function formatTime(seconds: number | undefined, isRecent: boolean): string {
  const at = new Date((seconds ?? 0) * 1000);
  const day = `${months[at.getMonth()]} ${String(at.getDate()).padStart(2)}`;
  if (!isRecent) return `${day}  ${at.getFullYear()}`;
  return `${day} ${String(at.getHours()).padStart(2, '0')}:${String(at.getMinutes()).padStart(2, '0')}`;
}
