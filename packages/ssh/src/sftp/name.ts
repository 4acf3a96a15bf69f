/** Names and paths: bytes on the wire, text where they are UTF-8. */
import { asBuffer } from '../wire/index.ts';
import { sftpError } from './sftp-error.ts';

/** A path as a caller gives it: text is sent as UTF-8, bytes as they are. */
export type SftpPath = string | Uint8Array;

/** A name or a path as a server gives it. */
export interface SftpName {
  readonly bytes: Buffer;
  /** The same as text; undefined where it is no valid UTF-8, and would not lead back to the file. */
  readonly text: string | undefined;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function toName(bytes: Buffer): SftpName {
  return { bytes, text: decode(bytes) };
}

/** The bytes to send. A NUL would end the path for a server written in C: another file than the one that was named. */
export function toPathBytes(path: SftpPath): Buffer {
  const bytes = typeof path === 'string' ? encodeText(path) : asBuffer(path);
  if (bytes.includes(0)) throw sftpError('misuse', 'a path cannot hold a NUL byte');
  return bytes;
}

/**
 * Bytes as text that leads back to them: what is no UTF-8 stands there as lone surrogates, U+DC80 to U+DCFF for the bytes 0x80 to
 * 0xff, which paths given as text turn into those bytes again. (Python reads names of files in the same way.)
 */
export function toText(bytes: Buffer): string {
  const text = decode(bytes);
  if (text !== undefined) return text;
  let escaped = '';
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    if (length === 0) escaped += String.fromCharCode(0xdc00 + (bytes[at] as number));
    else escaped += bytes.toString('utf8', at, at + length);
    at += length || 1;
  }
  return escaped;
}

function encodeText(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  if (!/\p{Surrogate}/u.test(text)) return bytes;
  const parts: Buffer[] = [];
  for (const character of text) {
    const code = character.codePointAt(0) as number;
    if (code >= 0xdc80 && code <= 0xdcff) parts.push(Buffer.of(code - 0xdc00));
    else if (code >= 0xd800 && code <= 0xdfff) {
      // Node would send U+FFFD in its place: another file than the one that was named.
      throw sftpError('misuse', `a path cannot hold half a character (U+${code.toString(16).toUpperCase()})`);
    } else parts.push(Buffer.from(character, 'utf8'));
  }
  return Buffer.concat(parts);
}

/** How many bytes the UTF-8 character takes that begins here; 0 where none does. */
function sequenceLength(bytes: Buffer, at: number): number {
  const first = bytes[at] as number;
  const length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length < 2) return length;
  return decode(bytes.subarray(at, at + length)) === undefined ? 0 : length;
}

function decode(bytes: Buffer): string | undefined {
  if (isShortAscii(bytes)) return bytes.toString('latin1');
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** What names nearly always are, and what is told without the decoder, which costs a call out of the language. */
function isShortAscii(bytes: Buffer): boolean {
  if (bytes.length > 255) return false;
  for (let at = 0; at < bytes.length; at++) if ((bytes[at] as number) >= 0x80) return false;
  return true;
}
