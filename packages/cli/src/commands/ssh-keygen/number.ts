/** Numbers on the command line, judged as strtonum(3) does. */
import { Ending } from './ending.ts';

/**
 * @param complain - makes the message from the reason: `invalid`, `too small` or `too large`.
 */
export function parseNumber(text: string, least: number, most: number, complain: (reason: string) => string): number {
  const number = Number(text.trim());
  if (!/^\s*[+-]?\d+$/.test(text)) throw new Ending(complain('invalid'));
  if (number < least) throw new Ending(complain('too small'));
  if (number > most) throw new Ending(complain('too large'));
  return number;
}
