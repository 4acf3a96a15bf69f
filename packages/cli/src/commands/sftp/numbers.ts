/** Numbers in sftp's commands and listings. */
import type { ShellWord } from '../../terminal/shell-words.ts';

/** A number of 32 bits without a sign; undefined where the word is none. */
export function readNumber(word: ShellWord | undefined, base: 8 | 10): number | undefined {
  const digits = base === 8 ? /^\s*\+?[0-7]+$/ : /^\s*\+?\d+$/;
  if (word === undefined || !digits.test(word.text)) return undefined;
  const value = Number.parseInt(word.text, base);
  return value <= 0xffff_ffff ? value : undefined;
}

const units = ['B', 'K', 'M', 'G', 'T', 'P', 'E'];

/** A size as OpenSSH scales it: `2B`, `23.4G`, `252G`. */
export function formatScaled(bytes: bigint): string {
  let factor = 1n;
  let unit = 0;
  while (unit < units.length - 1 && bytes / factor >= 1024n) {
    factor *= 1024n;
    unit++;
  }
  let whole = bytes / factor;
  if (whole === 0n) return '0B';
  if (unit === 0) return `${whole}B`;
  let tenths = (10n * ((bytes % factor) / (factor / 1024n)) + 512n) / 1024n;
  if (tenths >= 10n) {
    whole++;
    tenths = 0n;
  }
  if (whole >= 100n) return `${tenths >= 5n ? whole + 1n : whole}${units[unit]}`;
  return `${whole}.${tenths}${units[unit]}`;
}
