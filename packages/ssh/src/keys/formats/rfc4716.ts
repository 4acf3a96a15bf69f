/** Public key files of RFC 4716, "---- BEGIN SSH2 PUBLIC KEY ----". */
import { badKey } from '../key-error.ts';
import { decodePublicKey } from '../public-key.ts';
import type { PublicKey } from '../types.ts';
import { decodeBase64, encodeBase64Lines } from './pem/armor.ts';

const begin = '---- BEGIN SSH2 PUBLIC KEY ----';
const end = '---- END SSH2 PUBLIC KEY ----';

export function isRfc4716(text: string): boolean {
  return text.trimStart().startsWith(begin);
}

/** Reads such a file; headers other than Comment are skipped. */
export function parseRfc4716(text: string): { key: PublicKey; comment: string } {
  const lines = text
    .trim()
    .split(/\r\n|\n|\r/)
    .map((line) => line.trimEnd());
  const last = lines.indexOf(end);
  if (lines[0] !== begin || last < 0) throw badKey(`the public key file has no "${end}" line: it is cut`);
  if (last !== lines.length - 1) throw badKey('the public key file has lines after its end');
  let comment = '';
  let at = 1;
  for (; at < last && (lines[at] as string).includes(':'); at++) {
    let header = lines[at] as string;
    // §3.3: a backslash at the end of a line continues the header on the next.
    while (header.endsWith('\\') && at + 1 < last) header = header.slice(0, -1) + lines[++at];
    const colon = header.indexOf(':');
    if (header.slice(0, colon).toLowerCase() === 'comment') comment = unquote(header.slice(colon + 1).trim());
  }
  const key = decodePublicKey(decodeBase64(lines.slice(at, last).join(''), 'public key file'));
  return { key, comment };
}

/** Writes such a file, with lines of at most 72 characters. */
export function formatRfc4716(key: PublicKey, comment = ''): string {
  if (/[\r\n\0]/.test(comment)) throw badKey('a comment cannot hold line breaks', { code: 'misuse' });
  const header = comment === '' ? '' : `${foldHeader(`Comment: "${comment}"`)}\n`;
  return `${begin}\n${header}${encodeBase64Lines(key.blob, 70)}${end}\n`;
}

function foldHeader(header: string): string {
  return (header.match(/.{1,71}/gu) ?? []).join('\\\n');
}

function unquote(text: string): string {
  return text.length >= 2 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}
