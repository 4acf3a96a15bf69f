/** Makes text of the other end harmless for a terminal or a log line. */
import { asBuffer } from './writer.ts';

/**
 * The text with every control character written out, so that a server cannot move the cursor, fake a prompt or forge a
 * log line. New lines and tabs stay in texts that may have several lines.
 *
 * @param text - bytes are taken as UTF-8.
 * @param lines - `many` keeps line feeds and tabs (banners, instructions); `one` writes them out as well (prompts, names).
 * @example
 * printable('hi\x1b[2J', 'one'); // 'hi\\033[2J'
 */
export function printable(text: string | Uint8Array, lines: 'one' | 'many' = 'one'): string {
  const decoded = typeof text === 'string' ? text : asBuffer(text).toString('utf8');
  const unix = lines === 'many' ? decoded.replaceAll('\r\n', '\n') : decoded;
  return unix.replace(/[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    if (lines === 'many' && (character === '\n' || character === '\t')) return character;
    const code = character.codePointAt(0) as number;
    // ASCII as OpenSSH writes it; the rest are C1 controls, line separators and marks that reverse the reading direction.
    return code < 0x80 ? `\\${code.toString(8).padStart(3, '0')}` : `\\u{${code.toString(16)}}`;
  });
}
