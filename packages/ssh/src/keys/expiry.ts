/** Expiry of plain keys: the `expiry-time` option of authorized_keys (sshd(8)), from the forms in which people give a time. */
import { formatPublicLine } from './formats/public-line.ts';
import { badKey } from './key-error.ts';
import type { PublicKey } from './types.ts';

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

const maxTimeCharacters = 64;
/** The end of the year 9999, the last that has four digits. */
const lastSecond = 253_402_300_799;

/**
 * The second at which a key expires: `+90d` and the like from now on (OpenSSH's time forms: numbers with s, m, h, d, w, several in
 * a row), or `YYYYMMDD[HHMM[SS]][Z]`, which without a Z is local time.
 *
 * @param now - seconds since 1970.
 * @throws SshError `misuse` for other forms, times that do not exist, and times that have passed.
 */
export function parseExpiry(text: string, now: number): number {
  const seconds = text.startsWith('+') ? now + readDuration(text) : readAbsolute(text);
  if (seconds <= now) throw badExpiry(text, 'has passed already');
  if (seconds > lastSecond) throw badExpiry(text, 'is after the year 9999');
  return Math.floor(seconds);
}

/** A second since 1970 as `YYYYMMDDHHMMSSZ`, the form that means the same in every time zone. */
export function formatExpiryTime(seconds: number): string {
  return `${new Date(seconds * 1000)
    .toISOString()
    .replace(/\.\d+Z$/, '')
    .replace(/[-:T]/g, '')}Z`;
}

/**
 * A line of authorized_keys that ceases to count at a time.
 *
 * @param expires - seconds since 1970.
 * @example
 * formatExpiringKey(key, 'ada', parseExpiry('+90d', Date.now() / 1000)); // expiry-time="20300101000000Z" ssh-ed25519 AAAA… ada
 */
export function formatExpiringKey(key: PublicKey, comment: string, expires: number): string {
  return `expiry-time="${formatExpiryTime(expires)}" ${formatPublicLine(key, comment)}`;
}

function readDuration(text: string): number {
  // Each number but the last must have its unit: with an optional one there would be endless ways to split a row of digits.
  if (text.length > maxTimeCharacters || !/^\+(?:\d{1,9}[smhdw])*(?:\d{1,9})?$/i.test(text) || text === '+')
    throw badExpiry(text, 'is no duration such as +90d or +1w2d');
  let seconds = 0;
  for (const [, number, unit = 's'] of text.matchAll(/(\d+)([smhdw]?)/gi)) {
    seconds += Number(number) * (unitSeconds[unit.toLowerCase() || 's'] as number);
  }
  return seconds;
}

function readAbsolute(text: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?(Z?)$/i.exec(text);
  if (match === null) throw badExpiry(text, 'is neither +90d nor YYYYMMDD[HHMM[SS]][Z]');
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const utc = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  // The 31st of February would otherwise become the 3rd of March.
  const exists = utc.getUTCMonth() === month - 1 && utc.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  if (!exists) throw badExpiry(text, 'is no time that exists');
  const time = match[7] === '' ? new Date(year, month - 1, day, hour, minute, second) : utc;
  return Math.floor(time.getTime() / 1000);
}

function badExpiry(text: string, reason: string): Error {
  return badKey(`the expiry time "${text.slice(0, 60)}" ${reason}`, {
    code: 'misuse',
    remedy: 'Give a time such as +90d, +12h, 20301231 or 20301231235959Z.',
  });
}
