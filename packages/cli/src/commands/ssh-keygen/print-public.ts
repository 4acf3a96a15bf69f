/** ssh-keygen -y: the public key of a private key file. */
import { formatExpiringKey, formatPublicKey } from '@nacre/ssh/keys';
import { print } from '../../terminal/print.ts';
import { chooseFile } from './ask.ts';
import { readExpiry } from './expiry.ts';
import type { KeygenFlags } from './flags.ts';
import { loadPrivateKey, requireFile } from './key-input.ts';

export async function run(flags: KeygenFlags): Promise<number> {
  const expires = readExpiry(flags.options);
  const path = chooseFile(flags, 'Enter file in which the key is');
  requireFile(path);
  const { key } = await loadPrivateKey(path, flags, `Load key "${path}"`);
  const line =
    expires === undefined
      ? formatPublicKey(key.publicKey, key.comment)
      : formatExpiringKey(key.publicKey, key.comment, expires);
  print(`${line}\n`);
  return 0;
}
