/** Makes text from elsewhere safe to print: control characters become vis(3) octal, printable UTF-8 stays as it is. */

/**
 * Escapes what a terminal might act upon: C0 and C1 controls, DEL, broken UTF-8, line and paragraph separators and the
 * direction overrides that make one name look like another. Each byte becomes `\ooo`, as OpenSSH prints it.
 *
 * A host name, a banner, a key comment or a file name from a server could otherwise move the cursor, recolour a
 * warning or type into the terminal's own answer-back.
 *
 * @param keep - control characters that stay, for text of more than one line: usually `'\n\t'`.
 */
export function sanitize(text: string | Uint8Array, keep = ''): string {
  if (typeof text === 'string') {
    if (!unsafe.test(text)) return text;
    return Array.from(text, (character) => sanitizeCharacter(character, keep)).join('');
  }
  const decoded = tryDecode(text);
  return decoded === undefined ? sanitizeBytes(text, keep) : sanitize(decoded, keep);
}

/** For text of several lines (banners, server messages): line feeds and tabs stay, CR LF becomes LF. */
export function sanitizeText(text: string | Uint8Array): string {
  return sanitize(text, '\r\n\t').replace(/\r\n/g, '\n').replace(/\r/g, '\\015');
}

/** Made at its first use: a short command has nothing to print, and making it is dear. */
let utf8: InstanceType<typeof TextDecoder> | undefined;
/** Controls (Cc), line separators, bidirectional controls, invisible tag characters, lone surrogates. */
const unsafe = /[\p{Cc}\p{Cs}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\u{e0000}-\u{e007f}]/u;

function sanitizeCharacter(character: string, keep: string): string {
  if (!unsafe.test(character) || keep.includes(character)) return character;
  return Array.from(Buffer.from(character, 'utf8'), octal).join('');
}

/** Text that is not UTF-8 as a whole: ASCII stays, every other byte is escaped (Latin-1 must not turn into C1 controls). */
function sanitizeBytes(bytes: Uint8Array, keep: string): string {
  return Array.from(bytes, (byte) =>
    byte < 0x80 ? sanitizeCharacter(String.fromCharCode(byte), keep) : octal(byte),
  ).join('');
}

function octal(byte: number): string {
  return `\\${byte.toString(8).padStart(3, '0')}`;
}

function tryDecode(bytes: Uint8Array): string | undefined {
  try {
    utf8 ??= new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
