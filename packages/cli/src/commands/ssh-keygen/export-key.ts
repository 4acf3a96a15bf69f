/** ssh-keygen -e: a public key in the form that other programs read. */
import { hostname, userInfo } from 'node:os';
import { formatPublicKey, type PublicKey, shortTypeName } from '@nacre/ssh/keys';
import { print } from '../../terminal/print.ts';
import { chooseFile } from './ask.ts';
import { Ending } from './ending.ts';
import type { KeygenFlags } from './flags.ts';
import { type FormatName, requireFormat } from './formats.ts';
import { findPublicKey, loadPrivateKey, requireFile } from './key-input.ts';

export async function run(flags: KeygenFlags): Promise<number> {
  const format = requireFormat(flags.format);
  const path = chooseFile(flags, 'Enter file in which the key is');
  requireFile(path, 'ssh-keygen: ');
  const found = findPublicKey(path);
  const key = found?.key ?? (await loadPrivateKey(path, flags, `Load key "${path}"`)).key.publicKey;
  print(formatAs(key, format));
  return 0;
}

function formatAs(key: PublicKey, format: FormatName): string {
  const type = shortTypeName(key);
  if (format === 'RFC4716') {
    const comment = `${key.bits}-bit ${type}, converted by ${userInfo().username}@${hostname()} from OpenSSH`;
    // RFC 4716 §3.3: with what is around it, it stays within 72 characters.
    return formatPublicKey(key, comment.slice(0, 60), 'rfc4716');
  }
  const name = format === 'PEM' ? 'do_convert_to_pem' : 'do_convert_to_pkcs8';
  if (type !== 'RSA' && type !== 'ECDSA') throw new Ending(`${name}: unsupported key type ${type}`);
  // PKCS#1 is for RSA alone.
  return formatPublicKey(key, '', format === 'PEM' && type === 'RSA' ? 'pkcs1' : 'spki');
}
