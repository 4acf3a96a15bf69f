/** Expiry of plain keys: the `expiry-time` option of authorized_keys (sshd(8)), from the forms in which people give a time. */
import { formatPublicLine } from './formats/public-line.ts';
import { badKey } from './key-error.ts';
import type { PublicKey } from './types.ts';
import { parseValidityTime } from './validity.ts';

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
  const seconds = Number(readTime(text, now));
  if (seconds <= now) throw badExpiry(text, 'has passed already');
  if (seconds > lastSecond) throw badExpiry(text, 'is after the year 9999');
  return seconds;
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

function readTime(text: string, now: number): bigint {
  // Seconds in hexadecimal and times before now are forms of certificates, and no expiry that a person would write.
  if (!/^[+\d]/.test(text) || text.startsWith('0x')) throw badExpiry(text, wanted);
  try {
    return parseValidityTime(text, now);
  } catch (cause) {
    throw badExpiry(text, wanted, cause);
  }
}

const wanted = 'is neither a duration such as +90d nor a time that exists, YYYYMMDD[HHMM[SS]][Z]';

function badExpiry(text: string, reason: string, cause?: unknown): Error {
  return badKey(`the expiry time "${text.slice(0, 60)}" ${reason}`, {
    code: 'misuse',
    cause,
    remedy: 'Give a time such as +90d, +12h, 20301231 or 20301231235959Z.',
  });
}
