/** When a certificate or key is good, in the forms that OpenSSH writes times: `+52w`, `-1h:+90d`, `20300101Z`, `0x…`. */
import { SshError } from '../errors.ts';

/** A span of time, both in seconds since 1970: from `validAfter` on, and before `validBefore`. */
export interface Validity {
  /** 0 means since ever. */
  readonly validAfter: bigint;
  /** 2^64-1 means for ever. */
  readonly validBefore: bigint;
}

/** The end of what never ends (PROTOCOL.certkeys). */
export const forever: bigint = 2n ** 64n - 1n;

/**
 * Reads one time: `+90d` and `-1w2d` (counted from now; units s, m, h, d, w, none for seconds), `YYYYMMDD` and
 * `YYYYMMDDHHMM[SS]` (local time, or UTC with a `Z` behind), `0x` and seconds in hexadecimal.
 *
 * @param nowSeconds - seconds since 1970.
 * @returns seconds since 1970.
 * @throws SshError `misuse` for anything else, a day that no month has, or a time before 1970.
 * @example
 * const expiry = parseValidityTime('+90d', Math.floor(Date.now() / 1000));
 */
export function parseValidityTime(text: string, nowSeconds: number): bigint {
  return parseTime(text, nowSeconds, `Invalid time "${text}"`);
}

/**
 * Reads an interval as ssh-keygen -V takes it: `from:to`, where `from` may be `always` and `to` may be `forever`; or a lone
 * `+52w`, which begins with the minute before the last one, for the sake of clocks that are a little late.
 *
 * @param nowSeconds - seconds since 1970.
 * @throws SshError `misuse` in OpenSSH's words, also where the interval would be empty.
 * @example
 * const { validAfter, validBefore } = parseValidityInterval('-1h:+52w', Math.floor(Date.now() / 1000));
 */
export function parseValidityInterval(text: string, nowSeconds: number): Validity {
  const now = wholeSeconds(nowSeconds);
  const colon = text.indexOf(':');
  if (colon < 0 && text.startsWith('+')) {
    const length = readDuration(text.slice(1));
    if (length === undefined) throw badTime(`Invalid relative certificate life ${text}`);
    const lateClocks = ((now - 59n) / 60n) * 60n;
    return { validAfter: lateClocks < 0n ? 0n : lateClocks, validBefore: now + length };
  }
  const [from, to] = [text.slice(0, colon), text.slice(colon + 1)];
  if (colon < 0 || from === '' || to === '') throw badTime(`Invalid certificate life specification ${text}`);
  const validAfter = from === 'always' ? 0n : parseTime(from, nowSeconds, `Invalid from time "${from}"`);
  const validBefore = to === 'forever' ? forever : parseTime(to, nowSeconds, `Invalid to time "${to}"`);
  if (validBefore <= validAfter) throw badTime('Empty certificate validity interval');
  return { validAfter, validBefore };
}

/**
 * Reads an absolute time, as expiry-time= and valid-after= have it too: YYYYMMDD[HHMM[SS]][Z].
 *
 * @returns seconds since 1970, or undefined where the text is no such time (a 31st of February is none). Without a `Z` (or
 *   `UTC`) it is local time, as in OpenSSH.
 */
export function parseTimeSpec(text: string): number | undefined {
  const found = /^([0-9]{4})([0-9]{2})([0-9]{2})(?:([0-9]{2})([0-9]{2})([0-9]{2})?)?(Z|UTC)?$/i.exec(text);
  if (found === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found
    .slice(1, 7)
    .map((part) => Number(part ?? 0));
  const isUtc = found[7] !== undefined;
  // Date reads the years 0 to 99 as 1900 and later, and nobody's key expired then.
  if (year < 1970 || second > 59 || minute > 59 || hour > 23) return undefined;
  const date = isUtc
    ? new Date(Date.UTC(year, month - 1, day, hour, minute, second))
    : new Date(year, month - 1, day, hour, minute, second);
  const sameDay = isUtc
    ? date.getUTCMonth() === month - 1 && date.getUTCDate() === day
    : date.getMonth() === month - 1 && date.getDate() === day;
  const seconds = Math.floor(date.getTime() / 1000);
  // East of Greenwich 1970 began in 1969.
  return sameDay && seconds >= 0 ? seconds : undefined;
}

/**
 * Reads a length of time (sshd_config(5), TIME FORMATS): numbers, each with a unit (s, m, h, d, w) or none for seconds, added up.
 *
 * @returns seconds; undefined where the text is none, or longer than OpenSSH's int holds (68 years).
 * @example
 * parseDuration('1h30m'); // 5400
 */
export function parseDuration(text: string): number | undefined {
  // Each digit has one place in this pattern, so that it fails in linear time.
  if (text.length > maxTimeText || !/^(?=.)(?:[0-9]+[smhdw])*[0-9]*$/i.test(text)) return undefined;
  let total = 0;
  for (const [, count = '', unit = ''] of text.matchAll(/([0-9]+)([smhdw]?)/gi)) {
    total += Number(count) * (unitSeconds[unit.toLowerCase()] as number);
  }
  return total > maxDurationSeconds ? undefined : total;
}

/**
 * A time as ssh-keygen prints it: `2030-01-02T03:04:05`, local time.
 *
 * Certificates can name any time up to 2^64-1, and Date ends in the year 275760. Calendars and clock changes repeat after 400
 * years, so that a time further off is that of a nearer year.
 */
export function formatAbsoluteTime(seconds: bigint): string {
  const known = seconds > lastSecond ? lastSecond : seconds;
  // Not below 2370: the clocks of the past were changed by other rules than those that go on for ever.
  const cycles = known < cycleSeconds ? 0n : known / cycleSeconds - 1n;
  const time = new Date(Number(known - cycles * cycleSeconds) * 1000);
  const two = (number: number): string => String(number).padStart(2, '0');
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':');
  const years = BigInt(time.getFullYear()) + 400n * cycles - 1900n;
  // glibc holds the years since 1900 in an int, and where they do not fit leaves month and day at nothing.
  if (years !== BigInt.asIntN(32, years)) return `${BigInt.asIntN(32, years) + 1900n}-01-00T${clock}`;
  return `${years + 1900n}-${two(time.getMonth() + 1)}-${two(time.getDate())}T${clock}`;
}

/** The last second of a 64-bit time_t; OpenSSH shows what lies behind it as this one. */
const lastSecond = 2n ** 63n - 1n;
/** 400 years of the Gregorian calendar, which are whole weeks. */
const cycleSeconds = 146_097n * 86_400n;

function parseTime(text: string, nowSeconds: number, complaint: string): bigint {
  if (text.startsWith('+') || text.startsWith('-')) return parseRelativeTime(text, wholeSeconds(nowSeconds));
  if (text.startsWith('0x')) return parseHexadecimal(text);
  const seconds = parseTimeSpec(text);
  if (seconds === undefined) throw badTime(complaint);
  return BigInt(seconds);
}

function parseRelativeTime(text: string, now: bigint): bigint {
  const length = readDuration(text.slice(1));
  if (length === undefined) throw badTime(`Invalid relative certificate time ${text}`);
  if (text.startsWith('+')) return now + length;
  if (length > now) throw badTime(`Certificate time ${text} cannot be represented`);
  return now - length;
}

function parseHexadecimal(text: string): bigint {
  if (text.length > maxTimeText || !/^0x[0-9a-f]+$/i.test(text)) {
    throw badTime('Invalid certificate time: not a number');
  }
  const seconds = BigInt(text);
  if (seconds > forever) throw badTime('Invalid certificate time: Numerical result out of range');
  return seconds;
}

/** More than any time; what is longer could cost time itself to look at. */
const maxTimeText = 128;
const unitSeconds: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
/** OpenSSH counts in an int, so that a longer time is none there: 68 years. */
const maxDurationSeconds = 0x7fff_ffff;

function readDuration(text: string): bigint | undefined {
  const seconds = text === '' ? undefined : parseDuration(text);
  return seconds === undefined ? undefined : BigInt(seconds);
}

function wholeSeconds(seconds: number): bigint {
  if (!Number.isFinite(seconds) || seconds < 0) throw badTime(`the time now cannot be ${seconds} seconds after 1970`);
  return BigInt(Math.floor(seconds));
}

function badTime(message: string): SshError {
  return new SshError(message, {
    code: 'misuse',
    stage: 'key',
    remedy: 'Write +52w, -1d:+1w, always:20300101, 20300101:203001021200Z, or seconds since 1970 as 0x….',
  });
}
