/** Text around key bytes: base64 that is checked, and blocks between BEGIN and END lines. */
import { badKey } from '../../key-error.ts';

/** Decodes base64, refusing what Node's decoder would skip. White space is allowed. */
export function decodeBase64(text: string, what: string): Buffer {
  const compact = text.replace(/[ \t\r\n]+/g, '');
  if (compact.length % 4 === 1 || !/^[A-Za-z0-9+/]*={0,2}$/.test(compact)) throw badKey(`${what}: not base64`);
  return Buffer.from(compact, 'base64');
}

/** Base64 in lines of `width` characters, each with a newline. */
export function encodeBase64Lines(bytes: Uint8Array, width: number): string {
  const base64 = Buffer.from(bytes).toString('base64');
  let lines = '';
  for (let at = 0; at < base64.length; at += width) lines += `${base64.slice(at, at + width)}\n`;
  return lines;
}

/** The text between `-----BEGIN label-----` and its END line, or undefined if there is no such whole block. */
export function findBlock(text: string, label: string): string | undefined {
  const begin = `-----BEGIN ${label}-----`;
  const start = text.indexOf(begin);
  if (start < 0) return undefined;
  const end = text.indexOf(`-----END ${label}-----`, start);
  return end < 0 ? undefined : text.slice(start + begin.length, end);
}
