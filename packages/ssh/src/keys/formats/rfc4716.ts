/** Public key files of RFC 4716, "---- BEGIN SSH2 PUBLIC KEY ----". */
import { decodePublicKey } from '../public-key.ts';
import type { PublicKey } from '../types.ts';
import { formatHeaderBlock, parseHeaderBlock } from './header-block.ts';
import { decodeBase64 } from './pem/armor.ts';

const label = 'SSH2 PUBLIC KEY';

export function isRfc4716(text: string): boolean {
  return text.trimStart().startsWith(`---- BEGIN ${label} ----`);
}

/** Reads such a file; headers other than Comment are skipped. */
export function parseRfc4716(text: string): { key: PublicKey; comment: string } {
  const { comment, base64 } = parseHeaderBlock(text, label, 'public key file');
  return { key: decodePublicKey(decodeBase64(base64, 'public key file')), comment };
}

/** Writes such a file, with lines of at most 72 characters. */
export function formatRfc4716(key: PublicKey, comment = ''): string {
  return formatHeaderBlock(label, comment, key.blob);
}
