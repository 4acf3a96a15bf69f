/** Absolute times as OpenSSH reads and writes them in expiry-time= and valid-after=: YYYYMMDD[HHMM[SS]][Z|UTC]. */

/**
 * @returns seconds since 1970, or undefined where the text is no such time (a 31st of February is none). Without `Z` or `UTC` it
 *   is local time, as in OpenSSH.
 */
export function parseTimeSpec(text: string): number | undefined {
  const found = /^([0-9]{4})([0-9]{2})([0-9]{2})(?:([0-9]{2})([0-9]{2})([0-9]{2})?)?(Z|UTC|)$/i.exec(text);
  if (found === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found
    .slice(1, 7)
    .map((part) => Number(part ?? 0));
  const isUtc = found[7] !== '';
  // Date reads the years 0 to 99 as 1900 and later, and nobody's key expired then.
  if (year < 1970 || second > 59 || minute > 59 || hour > 23) return undefined;
  const date = isUtc
    ? new Date(Date.UTC(year, month - 1, day, hour, minute, second))
    : new Date(year, month - 1, day, hour, minute, second);
  const sameDay = isUtc
    ? date.getUTCMonth() === month - 1 && date.getUTCDate() === day
    : date.getMonth() === month - 1 && date.getDate() === day;
  return sameDay ? Math.floor(date.getTime() / 1000) : undefined;
}

/** `YYYY-MM-DDTHH:MM:SS` in local time, as OpenSSH's messages have it. */
export function formatTimeSpec(seconds: number): string {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return `${seconds} seconds after 1970`;
  const two = (number: number): string => String(number).padStart(2, '0');
  const day = [String(date.getFullYear()).padStart(4, '0'), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day}T${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`;
}
