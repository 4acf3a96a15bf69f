/** The text around RFC 4716 and ssh.com keys: a BEGIN line, headers that may go on over lines, base64, an END line. */
import { badKey } from '../key-error.ts';
import { encodeBase64Lines } from './pem/armor.ts';

export interface HeaderBlock {
  readonly comment: string;
  readonly base64: string;
}

/**
 * Takes such a file apart; headers other than Comment are skipped.
 *
 * @param label - what stands between BEGIN or END and the dashes.
 * @param what - names the file in errors.
 */
export function parseHeaderBlock(text: string, label: string, what: string): HeaderBlock {
  const lines = text
    .trim()
    .split(/\r\n|\n|\r/)
    .map((line) => line.trimEnd());
  const end = `---- END ${label} ----`;
  const last = lines.indexOf(end);
  if (lines[0] !== `---- BEGIN ${label} ----` || last < 0) throw badKey(`the ${what} has no "${end}" line: it is cut`);
  if (last !== lines.length - 1) throw badKey(`the ${what} has lines after its end`);
  let comment = '';
  let at = 1;
  for (; at < last && (lines[at] as string).includes(':'); at++) {
    let header = lines[at] as string;
    // §3.3: a backslash at the end of a line continues the header on the next.
    while (header.endsWith('\\') && at + 1 < last) header = header.slice(0, -1) + lines[++at];
    const colon = header.indexOf(':');
    if (header.slice(0, colon).toLowerCase() === 'comment') comment = unquote(header.slice(colon + 1).trim());
  }
  return { comment, base64: lines.slice(at, last).join('') };
}

/** Writes such a file, with lines of at most 72 characters. */
export function formatHeaderBlock(label: string, comment: string, bytes: Uint8Array): string {
  const header = comment === '' ? '' : `${foldHeader(`Comment: "${comment}"`)}\n`;
  return `---- BEGIN ${label} ----\n${header}${encodeBase64Lines(bytes, 70)}---- END ${label} ----\n`;
}

function foldHeader(header: string): string {
  return (header.match(/.{1,71}/gu) ?? []).join('\\\n');
}

function unquote(text: string): string {
  return text.length >= 2 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}
