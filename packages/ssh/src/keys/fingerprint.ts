/** Fingerprints people compare: SHA256, MD5, random art and bubble babble. */
import { type DigestName, hash as digest } from '../crypto/hash.ts';
import { keyTypes } from './key-types/table.ts';
import type { PublicKey } from './types.ts';

export type FingerprintHash = 'sha256' | 'md5' | 'sha1' | 'sha384' | 'sha512';

/**
 * The fingerprint of a key, of a certificate's subject key: `SHA256:` and base64 without padding, or `MD5:` and hex pairs.
 *
 * @example
 * fingerprint(key); // "SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDzjrEZQPGbzkzfZHg"
 */
export function fingerprint(key: PublicKey, hash: FingerprintHash = 'sha256'): string {
  const bytes = keyDigest(key, hash);
  if (hash === 'md5') return `MD5:${(bytes.toString('hex').match(/../g) ?? []).join(':')}`;
  return `${hash.toUpperCase()}:${bytes.toString('base64').replace(/=+$/, '')}`;
}

/** The word for a key's type in fingerprint lists: `ED25519`, `RSA-CERT`. */
export function shortTypeName(key: PublicKey): string {
  const row = keyTypes.find(({ name }) => name === key.plain.type);
  const name = row?.shortName ?? key.type;
  return key.certificate === undefined ? name : `${name}-CERT`;
}

/** What ssh-keygen -l prints: bits, fingerprint, comment, type. */
export function formatFingerprintLine(key: PublicKey, comment: string, hash: FingerprintHash = 'sha256'): string {
  return `${key.bits} ${fingerprint(key, hash)} ${comment || 'no comment'} (${shortTypeName(key)})`;
}

const fieldWidth = 17;
const fieldHeight = 9;
/** How often a place was visited, as ink; the last two mark start and end. */
const ink = ' .o+=*BOX@%&#/^SE';

/** The picture of ssh-keygen -lv: a bishop walks by the digest's bits and leaves marks, framed with type and hash. */
export function randomArt(key: PublicKey, hash: FingerprintHash = 'sha256'): string {
  const visits = walk(keyDigest(key, hash));
  const title = `[${shortTypeName(key)} ${key.bits}]`;
  const rows = visits.map((row) => `|${row.map((count) => ink[count]).join('')}|`);
  return [
    frame(title.length > fieldWidth ? `[${shortTypeName(key)}]` : title),
    ...rows,
    frame(`[${hash.toUpperCase()}]`),
  ].join('\n');
}

function frame(title: string): string {
  const left = Math.floor((fieldWidth - title.length) / 2);
  return `+${`${'-'.repeat(left)}${title}`.padEnd(fieldWidth, '-')}+`;
}

function walk(bytes: Buffer): number[][] {
  const field = Array.from({ length: fieldHeight }, () => Array.from({ length: fieldWidth }, () => 0));
  const most = ink.length - 3;
  let x = Math.floor(fieldWidth / 2);
  let y = Math.floor(fieldHeight / 2);
  for (const byte of bytes) {
    for (let shift = 0; shift < 8; shift += 2) {
      const step = byte >> shift;
      x = clamp(x + ((step & 1) === 0 ? -1 : 1), fieldWidth);
      y = clamp(y + ((step & 2) === 0 ? -1 : 1), fieldHeight);
      const row = field[y] as number[];
      row[x] = Math.min((row[x] as number) + 1, most);
    }
  }
  (field[Math.floor(fieldHeight / 2)] as number[])[Math.floor(fieldWidth / 2)] = ink.length - 2;
  (field[y] as number[])[x] = ink.length - 1;
  return field;
}

function clamp(value: number, size: number): number {
  return Math.min(Math.max(value, 0), size - 1);
}

const vowels = 'aeiouy';
const consonants = 'bcdfghklmnprstvzx';

/** Bubble babble (ssh-keygen -B): pronounceable words with a checksum; SHA-1 there unless another hash is asked for. */
export function bubbleBabble(key: PublicKey, hash: FingerprintHash = 'sha1'): string {
  return encodeBubbleBabble(keyDigest(key, hash));
}

export function encodeBubbleBabble(bytes: Uint8Array): string {
  const rounds = Math.floor(bytes.length / 2) + 1;
  let seed = 1;
  let text = 'x';
  for (let round = 0; round < rounds; round++) {
    const first = bytes[2 * round];
    if (first === undefined) {
      text += vowel(seed % 6) + consonants[16] + vowel(Math.floor(seed / 6));
      break;
    }
    text += vowel(((first >> 6) + seed) % 6) + consonants[(first >> 2) & 15];
    text += vowel(((first & 3) + Math.floor(seed / 6)) % 6);
    if (round + 1 === rounds) break;
    const second = bytes[2 * round + 1] as number;
    text += `${consonants[second >> 4]}-${consonants[second & 15]}`;
    seed = (seed * 5 + first * 7 + second) % 36;
  }
  return `${text}x`;
}

function vowel(index: number): string {
  return vowels[index] as string;
}

/** OpenSSH takes the fingerprint of a certificate's key, so that key and certificate show the same one. */
function keyDigest(key: PublicKey, hash: DigestName): Buffer {
  return digest(hash, key.plain.blob);
}
