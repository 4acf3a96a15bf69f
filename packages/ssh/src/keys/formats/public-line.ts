/** The public key line of .pub files and authorized_keys: `type base64 comment`. */
import { maxKeyFileBytes } from '../../limits.ts';
import { badKey } from '../key-error.ts';
import { decodePublicKey } from '../public-key.ts';
import type { PublicKey } from '../types.ts';
import { decodeBase64 } from './pem/armor.ts';

/**
 * Reads one line `type base64 [comment]`.
 *
 * @throws SshError `bad-key` unless the named type is that of the blob.
 */
export function parsePublicLine(text: string): { key: PublicKey; comment: string } {
  if (text.length > maxKeyFileBytes) throw badKey(`a public key file of ${text.length} characters is no key`);
  const line = text.trim();
  if (/[\r\n]/.test(line)) throw badKey('a public key is one line, this text has several');
  const [type, base64, ...words] = line.split(/[ \t]+/);
  if (type === undefined || base64 === undefined) {
    throw badKey('expected a public key line "type base64 [comment]"', {
      remedy: 'Give the file whose name ends in .pub.',
    });
  }
  // The named type is compared before the blob is parsed: it is what allow-lists were asked about.
  const key = decodePublicKey(decodeBase64(base64, 'public key'), { allowedTypes: [type] });
  return { key, comment: words.length === 0 ? '' : line.slice(line.indexOf(base64) + base64.length).trim() };
}

/** The line without a newline at its end. */
export function formatPublicLine(key: PublicKey, comment = ''): string {
  if (/[\r\n\0]/.test(comment)) throw badKey('a comment cannot hold line breaks', { code: 'misuse' });
  const line = `${key.type} ${key.blob.toString('base64')}`;
  return comment === '' ? line : `${line} ${comment}`;
}
