/** Times as OpenSSH's flags take them: `3600`, `1h30m`, `2w`. */

const unitSeconds: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
/** What fits into OpenSSH's int. */
const mostSeconds = 0x7fff_ffff;

/** Seconds; undefined where the text is no time, or too long a one. In linear time: each digit has one place in the pattern. */
export function parseDuration(text: string): number | undefined {
  if (text === '' || text.length > 128 || !/^(?:\d+[smhdw])*\d*$/i.test(text)) return undefined;
  let seconds = 0;
  for (const [, digits = '', unit = ''] of text.matchAll(/(\d+)([smhdw]?)/gi)) {
    seconds += Number(digits) * (unitSeconds[unit.toLowerCase()] as number);
  }
  return seconds <= mostSeconds ? seconds : undefined;
}
